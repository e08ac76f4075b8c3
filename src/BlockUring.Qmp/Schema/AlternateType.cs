namespace BlockUring.Qmp.Schema;

/// <summary>A value of one of several types, told apart by their JSON types.</summary>
internal sealed class AlternateType(string name) : SchemaType(name)
{
    /// <summary>The types, by the definition's names for the cases.</summary>
    public IReadOnlyList<SchemaMember> Branches { get; internal set; } = [];
}
