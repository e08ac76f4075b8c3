namespace BlockUring.Qmp.Schema;

/// <summary>Something that the definition names: a type, a command or an event.</summary>
/// <param name="name">Its name on the wire, or, of a type, in the definition.</param>
internal abstract class SchemaEntity(string name)
{
    /// <summary>Its name.</summary>
    public string Name => name;

    /// <summary>What clients can find out about it: "deprecated", "unstable" and others.</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <summary>What it is for; empty where the name says it.</summary>
    public string Documentation { get; init; } = "";
}
