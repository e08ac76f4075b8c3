namespace BlockUring.Qmp.Schema;

/// <summary>A type that needs no definition.</summary>
internal sealed class BuiltinType : SchemaType
{
    private BuiltinType(string name, BuiltinKind kind, string clientName, string jsonType)
        : base(name)
    {
        Kind = kind;
        ClientName = clientName;
        JsonType = jsonType;
    }

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyDictionary<string, BuiltinType> All { get; } = new BuiltinType[]
    {
        new("str", BuiltinKind.Str, "str", "string"),
        new("int", BuiltinKind.Int, "int", "int"),
        new("int32", BuiltinKind.Int32, "int", "int"),
        new("uint16", BuiltinKind.UInt16, "int", "int"),
        new("uint32", BuiltinKind.UInt32, "int", "int"),
        new("uint64", BuiltinKind.UInt64, "int", "int"),
        new("size", BuiltinKind.Size, "int", "int"),
        new("number", BuiltinKind.Number, "number", "number"),
        new("bool", BuiltinKind.Bool, "bool", "boolean"),
        new("null", BuiltinKind.Null, "null", "null"),
        new("any", BuiltinKind.Any, "any", "value"),
    }.ToDictionary(t => t.Name, StringComparer.Ordinal);

    /// <summary>Which one.</summary>
    public BuiltinKind Kind { get; }

    /// <summary>How clients see it: integers of all widths are one type to them.</summary>
    public string ClientName { get; }

    /// <summary>Its JSON type, in the words of query-qmp-schema.</summary>
    public string JsonType { get; }
}
