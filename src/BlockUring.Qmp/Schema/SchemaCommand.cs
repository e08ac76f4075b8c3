namespace BlockUring.Qmp.Schema;

/// <summary>A command.</summary>
internal sealed class SchemaCommand(string name, ObjectType arguments, SchemaType result) : SchemaEntity(name)
{
    /// <summary>What it takes.</summary>
    public ObjectType Arguments => arguments;

    /// <summary>What it answers.</summary>
    public SchemaType Result => result;

    /// <summary>Whether it may overtake others.</summary>
    public bool AllowsOutOfBand { get; init; }
}
