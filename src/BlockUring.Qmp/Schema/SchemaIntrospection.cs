using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace BlockUring.Qmp.Schema;

/// <summary>
/// The definition in the form that query-qmp-schema answers: names of types are numbers, integers of all widths are "int", and each type
/// comes after what refers to it first.
/// </summary>
internal sealed class SchemaIntrospection
{
    private readonly Utf8JsonWriter writer;
    private readonly Dictionary<SchemaType, string> names = [];
    private readonly List<SchemaType> used = [];
    private int numberedCount;

    private SchemaIntrospection(Utf8JsonWriter writer) => this.writer = writer;

    /// <summary>An array of SchemaInfo.</summary>
    /// <param name="schema">The definition.</param>
    /// <param name="isOffered">Whether a command is there at present; others are left out.</param>
    public static JsonElement Describe(QapiSchema schema, Func<SchemaCommand, bool> isOffered)
    {
        var output = new ArrayBufferWriter<byte>(64 << 10);
        using var writer = new Utf8JsonWriter(output);
        new SchemaIntrospection(writer).Write(schema, isOffered);
        return JsonDocument.Parse(output.WrittenMemory).RootElement;
    }

    private void Write(QapiSchema schema, Func<SchemaCommand, bool> isOffered)
    {
        writer.WriteStartArray();
        foreach (var entity in schema.Entities)
        {
            if (entity is SchemaCommand command && isOffered(command))
                Command(command);
            else if (entity is SchemaEvent sent)
                Event(sent);
        }

        for (var i = 0; i < used.Count; i++)
            Type(used[i]);
        writer.WriteEndArray();
        writer.Flush();
    }

    private void Command(SchemaCommand command)
    {
        Start(command.Name, "command", command.Features);
        writer.WriteString("arg-type", NameOf(command.Arguments));
        writer.WriteString("ret-type", NameOf(command.Result));
        if (command.AllowsOutOfBand)
            writer.WriteBoolean("allow-oob", true);
        writer.WriteEndObject();
    }

    private void Event(SchemaEvent sent)
    {
        Start(sent.Name, "event", sent.Features);
        writer.WriteString("arg-type", NameOf(sent.Data));
        writer.WriteEndObject();
    }

    private void Type(SchemaType type)
    {
        switch (type)
        {
            case BuiltinType builtin:
                Start(NameOf(type), "builtin", []);
                writer.WriteString("json-type", builtin.JsonType);
                break;
            case ArrayType array:
                Start(NameOf(type), "array", []);
                writer.WriteString("element-type", NameOf(array.Element));
                break;
            case EnumType words:
                Start(NameOf(type), "enum", type.Features);
                Enum(words);
                break;
            case AlternateType alternate:
                Start(NameOf(type), "alternate", type.Features);
                Alternate(alternate);
                break;
            case ObjectType members:
                Start(NameOf(type), "object", type.Features);
                Object(members);
                break;
        }

        writer.WriteEndObject();
    }

    private void Enum(EnumType type)
    {
        writer.WriteStartArray("members");
        foreach (var value in type.Values)
        {
            writer.WriteStartObject();
            writer.WriteString("name", value.Name);
            Features(value.Features);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("values");
        foreach (var value in type.Values)
            writer.WriteStringValue(value.Name);
        writer.WriteEndArray();
    }

    private void Alternate(AlternateType type)
    {
        writer.WriteStartArray("members");
        foreach (var branch in type.Branches)
        {
            writer.WriteStartObject();
            writer.WriteString("type", NameOf(branch.Type));
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private void Object(ObjectType type)
    {
        writer.WriteStartArray("members");
        foreach (var member in type.Members)
        {
            writer.WriteStartObject();
            writer.WriteString("name", member.Name);
            writer.WriteString("type", NameOf(member.Type));
            if (member.IsOptional)
                writer.WriteNull("default");
            Features(member.Features);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        if (type.Discriminator == null)
            return;
        writer.WriteString("tag", type.Discriminator.Name);
        writer.WriteStartArray("variants");
        foreach (var (value, variant) in type.Variants)
            Variant(value, variant);
        foreach (var value in ((EnumType)type.Discriminator.Type).Values.Where(v => !type.Variants.ContainsKey(v.Name)))
            Variant(value.Name, ObjectType.Empty);
        writer.WriteEndArray();
    }

    private void Variant(string value, ObjectType type)
    {
        writer.WriteStartObject();
        writer.WriteString("case", value);
        writer.WriteString("type", NameOf(type));
        writer.WriteEndObject();
    }

    private void Start(string name, string metaType, IReadOnlyList<string> features)
    {
        writer.WriteStartObject();
        writer.WriteString("name", name);
        writer.WriteString("meta-type", metaType);
        Features(features);
    }

    private void Features(IReadOnlyList<string> features)
    {
        if (features.Count == 0)
            return;
        writer.WriteStartArray("features");
        foreach (var feature in features)
            writer.WriteStringValue(feature);
        writer.WriteEndArray();
    }

    private string NameOf(SchemaType type)
    {
        if (type is BuiltinType { ClientName: "int" })
            type = BuiltinType.All["int"];
        if (names.TryGetValue(type, out var name))
            return name;
        used.Add(type);
        name = type switch
        {
            BuiltinType builtin => builtin.ClientName,
            ArrayType array => $"[{NameOf(array.Element)}]",
            _ => (numberedCount++).ToString(CultureInfo.InvariantCulture),
        };
        names.Add(type, name);
        return name;
    }
}
