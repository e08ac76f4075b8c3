using System.Text.Json;

namespace BlockUring.Qmp.Schema;

/// <summary>Reads the definition. A mistake in it is a mistake in the program, and ends it.</summary>
/// <remarks>
/// A file is an array of entries. Types are named before they are filled, so that entries may refer to each other in any order. A name
/// with an asterisk in front is optional; a member's type is a name, an array with one name, or an object with "type" and "features".
/// </remarks>
internal sealed class SchemaLoader
{
    // Their order is the one of query-qmp-schema; a type that others are based on comes before them.
    private static readonly string[] Files =
        ["crypto", "block-query", "block-node", "block-bitmap", "block-snapshot", "block-job", "job", "char", "block-export", "control", "introspect", "qom"];

    private static readonly string[] Kinds = ["command", "event", "struct", "union", "alternate", "enum"];

    private readonly Dictionary<string, SchemaType> types = new(StringComparer.Ordinal) { ["Empty"] = ObjectType.Empty };
    private readonly Dictionary<string, ArrayType> arrays = new(StringComparer.Ordinal);

    private SchemaLoader()
    {
        foreach (var (name, type) in BuiltinType.All)
            types.Add(name, type);
    }

    /// <summary>Reads the definition that is built into the program.</summary>
    public static QapiSchema LoadResources()
    {
        var documents = new List<JsonElement>();
        foreach (var file in Files)
        {
            using var resource = typeof(SchemaLoader).Assembly.GetManifestResourceStream(file + ".json")
                ?? throw new InvalidOperationException($"The definition {file}.json is not in the program.");
            documents.Add(JsonDocument.Parse(resource).RootElement);
        }

        return Load(documents);
    }

    /// <summary>Reads a definition.</summary>
    /// <param name="documents">Arrays of entries.</param>
    public static QapiSchema Load(IEnumerable<JsonElement> documents)
    {
        var loader = new SchemaLoader();
        var entries = documents.SelectMany(d => d.EnumerateArray()).Select(e => (Kind: KindOf(e), Entry: e)).ToList();
        foreach (var (kind, entry) in entries)
            loader.Declare(kind, entry);
        return new([.. entries.Select(e => loader.Define(e.Kind, e.Entry))]);
    }

    private static string KindOf(JsonElement entry) =>
        Array.Find(Kinds, k => entry.TryGetProperty(k, out _)) ?? throw new InvalidOperationException($"This is no entry of a definition: {entry}");

    private void Declare(string kind, JsonElement entry)
    {
        var name = entry.GetProperty(kind).GetString()!;
        var (features, documentation) = (FeaturesOf(entry), DocumentationOf(entry));
        SchemaType? type = kind switch
        {
            "struct" or "union" => new ObjectType(name) { Features = features, Documentation = documentation },
            "alternate" => new AlternateType(name) { Features = features, Documentation = documentation },
            "enum" => new EnumType(name, ValuesOf(entry)) { Features = features, Documentation = documentation },
            _ => null,
        };
        if (type != null)
            types.Add(name, type);
    }

    private SchemaEntity Define(string kind, JsonElement entry)
    {
        var name = entry.GetProperty(kind).GetString()!;
        switch (kind)
        {
            case "command":
                return new SchemaCommand(name, ArgumentsOf(name, entry), entry.TryGetProperty("returns", out var result) ? TypeOf(result) : ObjectType.Empty)
                {
                    Features = FeaturesOf(entry),
                    Documentation = DocumentationOf(entry),
                    AllowsOutOfBand = entry.TryGetProperty("allow-oob", out var oob) && oob.GetBoolean(),
                };
            case "event":
                return new SchemaEvent(name, ArgumentsOf(name, entry)) { Features = FeaturesOf(entry), Documentation = DocumentationOf(entry) };
            case "alternate":
                ((AlternateType)types[name]).Branches = MembersOf(entry.GetProperty("data"));
                break;
            case "struct" or "union":
                Fill((ObjectType)types[name], entry);
                break;
        }

        return types[name];
    }

    private void Fill(ObjectType type, JsonElement entry)
    {
        var data = MembersOf(entry.GetProperty("data"));
        List<SchemaMember> members = [];
        if (entry.TryGetProperty("base", out var inherited))
            members.AddRange(inherited.ValueKind == JsonValueKind.Object ? MembersOf(inherited) : ((ObjectType)TypeOf(inherited)).Members);
        if (!entry.TryGetProperty("discriminator", out var discriminator))
        {
            type.Members = [.. members, .. data];
            return;
        }

        type.Members = members;
        type.Discriminator = members.Single(m => m.Name == discriminator.GetString());
        type.Variants = data.ToDictionary(m => m.Name, m => (ObjectType)m.Type, StringComparer.Ordinal);
    }

    private ObjectType ArgumentsOf(string name, JsonElement entry)
    {
        if (!entry.TryGetProperty("data", out var data))
            return ObjectType.Empty;
        return data.ValueKind == JsonValueKind.String ? (ObjectType)TypeOf(data) : new ObjectType(name) { Members = MembersOf(data) };
    }

    private List<SchemaMember> MembersOf(JsonElement data)
    {
        List<SchemaMember> members = [];
        foreach (var property in data.EnumerateObject())
        {
            var isOptional = property.Name.StartsWith('*');
            var hasFeatures = property.Value.ValueKind == JsonValueKind.Object;
            members.Add(new(
                isOptional ? property.Name[1..] : property.Name,
                TypeOf(hasFeatures ? property.Value.GetProperty("type") : property.Value),
                isOptional,
                hasFeatures ? FeaturesOf(property.Value) : []));
        }

        return members;
    }

    private SchemaType TypeOf(JsonElement reference)
    {
        if (reference.ValueKind != JsonValueKind.Array)
            return types.GetValueOrDefault(reference.GetString()!) ?? throw new InvalidOperationException($"The type {reference} is not defined.");
        var element = TypeOf(reference[0]);
        if (!arrays.TryGetValue(element.Name, out var array))
            arrays.Add(element.Name, array = new ArrayType(element));
        return array;
    }

    private static List<EnumValue> ValuesOf(JsonElement entry) =>
        [.. entry.GetProperty("data").EnumerateArray().Select(v => v.ValueKind == JsonValueKind.String
            ? new EnumValue(v.GetString()!, [])
            : new EnumValue(v.GetProperty("name").GetString()!, FeaturesOf(v)))];

    private static List<string> FeaturesOf(JsonElement entry) =>
        entry.TryGetProperty("features", out var features) ? [.. features.EnumerateArray().Select(f => f.GetString()!)] : [];

    private static string DocumentationOf(JsonElement entry) => entry.TryGetProperty("doc", out var text) ? text.GetString()! : "";
}
