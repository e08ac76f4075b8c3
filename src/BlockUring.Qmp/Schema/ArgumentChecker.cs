using System.Globalization;
using System.Text.Json;
using BlockUring.Qmp.Wire;

namespace BlockUring.Qmp.Schema;

/// <summary>
/// Checks arguments against the definition, with QEMU's errors in QEMU's order, and writes them anew so that the framework's types can read
/// them: unsigned numbers that were given as negative ones have wrapped.
/// </summary>
internal sealed class ArgumentChecker
{
    private readonly Utf8JsonWriter writer;
    private readonly bool isText;
    private readonly List<Step> path = [];

    private ArgumentChecker(Utf8JsonWriter writer, bool isText)
    {
        this.writer = writer;
        this.isText = isText;
    }

    /// <summary>Checks a command's arguments.</summary>
    /// <returns>The arguments as the definition has them.</returns>
    /// <exception cref="QmpException">They are wrong.</exception>
    public static JsonElement Check(ObjectType type, JsonElement arguments) => Run(false, checker => checker.Members(type, arguments));

    /// <summary>Checks options in which all values are text, as they come from a command line, and makes them what the definition says.</summary>
    /// <returns>The options as the definition has them.</returns>
    /// <exception cref="QmpException">They are wrong.</exception>
    public static JsonElement CheckText(ObjectType type, JsonElement options) => Run(true, checker => checker.Members(type, options));

    /// <summary>Checks a value that errors call <paramref name="name"/>.</summary>
    /// <exception cref="QmpException">It is wrong.</exception>
    public static JsonElement Check(SchemaType type, string name, JsonElement value) =>
        Run(false, checker => checker.Value(type, new(name, -1), value));

    private static JsonElement Run(bool isText, Action<ArgumentChecker> check)
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(output, new JsonWriterOptions { SkipValidation = true, MaxDepth = WireLimits.MaxDepth });
        check(new(writer, isText));
        writer.Flush();
        return JsonDocument.Parse(output.WrittenMemory, new JsonDocumentOptions { MaxDepth = WireLimits.MaxDepth }).RootElement;
    }

    private void Value(SchemaType type, Step step, JsonElement value)
    {
        switch (type)
        {
            case BuiltinType builtin:
                Builtin(builtin.Kind, step, value);
                break;
            case EnumType words:
                DemandText(step, value);
                if (!words.Accepts(value.GetString()!))
                    throw new QmpException($"Parameter '{step.ShortName}' does not accept value '{value.GetString()}'");
                value.WriteTo(writer);
                break;
            case ArrayType array:
                Items(array, step, value);
                break;
            case AlternateType alternate:
                Value(BranchOf(alternate, step, value), step, value);
                break;
            case ObjectType members:
                DemandKind(step, value, JsonValueKind.Object, "object");
                path.Add(step);
                Members(members, value);
                path.RemoveAt(path.Count - 1);
                break;
        }
    }

    private void Members(ObjectType type, JsonElement value)
    {
        writer.WriteStartObject();
        var seenCount = Members(type.Members, value);
        ObjectType? variant = null;
        if (type.Discriminator is { } discriminator && type.Variants.TryGetValue(value.GetProperty(discriminator.Name).GetString()!, out variant))
            seenCount += Members(variant.Members, value);
        writer.WriteEndObject();
        if (seenCount == value.GetPropertyCount())
            return;
        var unexpected = value.EnumerateObject().First(p => !Has(type, p.Name) && (variant == null || !Has(variant, p.Name)));
        throw new QmpException($"Parameter '{FullName(new(unexpected.Name, -1))}' is unexpected");
    }

    private int Members(IReadOnlyList<SchemaMember> members, JsonElement value)
    {
        var seenCount = 0;
        foreach (var member in members)
        {
            var step = new Step(member.Name, -1);
            if (value.TryGetProperty(member.Name, out var given))
            {
                seenCount++;
                writer.WritePropertyName(member.Name);
                Value(member.Type, step, given);
            }
            else if (!member.IsOptional)
            {
                throw new QmpException($"Parameter '{FullName(step)}' is missing");
            }
        }

        return seenCount;
    }

    private void Items(ArrayType type, Step step, JsonElement value)
    {
        DemandKind(step, value, JsonValueKind.Array, "array");
        path.Add(step);
        writer.WriteStartArray();
        var index = 0;
        foreach (var item in value.EnumerateArray())
            Value(type.Element, new(null, index++), item);
        writer.WriteEndArray();
        path.RemoveAt(path.Count - 1);
    }

    private void Builtin(BuiltinKind kind, Step step, JsonElement value)
    {
        if (isText && kind is not (BuiltinKind.Str or BuiltinKind.Null or BuiltinKind.Any))
        {
            DemandText(step, value);
            value = TextValue.Parse(kind, value.GetString()!)
                ?? throw new QmpException($"Parameter '{FullName(step)}' expects {TextValue.Expectation(kind)}");
        }

        switch (kind)
        {
            case BuiltinKind.Str:
                DemandText(step, value);
                break;
            case BuiltinKind.Null:
                DemandKind(step, value, JsonValueKind.Null, "null");
                break;
            case BuiltinKind.Number:
                DemandKind(step, value, JsonValueKind.Number, "number");
                break;
            case BuiltinKind.Bool:
                if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
                    throw WrongType(FullName(step), "boolean");
                break;
            case BuiltinKind.Int or BuiltinKind.Int32:
                writer.WriteNumberValue(Signed(kind, step, value));
                return;
            case BuiltinKind.UInt16 or BuiltinKind.UInt32 or BuiltinKind.UInt64 or BuiltinKind.Size:
                writer.WriteNumberValue(Unsigned(kind, step, value));
                return;
        }

        value.WriteTo(writer);
    }

    private long Signed(BuiltinKind kind, Step step, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out var number))
            throw WrongType(FullName(step), "integer");
        if (kind == BuiltinKind.Int32 && number is < int.MinValue or > int.MaxValue)
            throw new QmpException($"Parameter '{step.ShortName}' expects int32_t");
        return number;
    }

    private ulong Unsigned(BuiltinKind kind, Step step, JsonElement value)
    {
        var number = 0UL;
        var isNumber = value.ValueKind == JsonValueKind.Number && value.TryGetUInt64(out number);
        if (!isNumber && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var negative))
            (number, isNumber) = (unchecked((ulong)negative), true);
        if (!isNumber)
            throw new QmpException($"Parameter '{FullName(step)}' expects uint64");
        if (kind == BuiltinKind.UInt16 && number > ushort.MaxValue)
            throw new QmpException($"Parameter '{step.ShortName}' expects uint16_t");
        if (kind == BuiltinKind.UInt32 && number > uint.MaxValue)
            throw new QmpException($"Parameter '{step.ShortName}' expects uint32_t");
        return number;
    }

    private static SchemaType BranchOf(AlternateType type, Step step, JsonElement value)
    {
        foreach (var branch in type.Branches)
        {
            if (Fits(branch.Type, value.ValueKind))
                return branch.Type;
        }

        throw WrongType(step.ShortName, type.Name);
    }

    private static bool Fits(SchemaType type, JsonValueKind kind) => type switch
    {
        ObjectType => kind == JsonValueKind.Object,
        ArrayType => kind == JsonValueKind.Array,
        EnumType or BuiltinType { Kind: BuiltinKind.Str } => kind == JsonValueKind.String,
        BuiltinType { Kind: BuiltinKind.Null } => kind == JsonValueKind.Null,
        BuiltinType { Kind: BuiltinKind.Bool } => kind is JsonValueKind.True or JsonValueKind.False,
        _ => kind == JsonValueKind.Number,
    };

    private static bool Has(ObjectType type, string name) => type.Members.Any(m => m.Name == name);

    private void DemandText(Step step, JsonElement value)
    {
        if (isText && value.ValueKind != JsonValueKind.String)
            throw new QmpException($"Parameters '{FullName(step)}.*' are unexpected");
        DemandKind(step, value, JsonValueKind.String, "string");
    }

    private void DemandKind(Step step, JsonElement value, JsonValueKind kind, string expected)
    {
        if (value.ValueKind != kind)
            throw WrongType(FullName(step), expected);
    }

    private static QmpException WrongType(string name, string expected) => new($"Invalid parameter type for '{name}', expected: {expected}");

    private string FullName(Step last)
    {
        var name = "";
        foreach (var step in path.Append(last))
            name += step.Name == null ? Item(step.Index) : name.Length == 0 ? step.Name : "." + step.Name;
        return name;
    }

    private string Item(int index) => isText ? string.Create(CultureInfo.InvariantCulture, $".{index}") : string.Create(CultureInfo.InvariantCulture, $"[{index}]");

    private readonly record struct Step(string? Name, int Index)
    {
        // What QEMU prints where it knows only the last name: items of an array have none.
        public string ShortName => Name ?? "null";
    }
}
