namespace BlockUring.Qmp.Schema;

/// <summary>An event.</summary>
internal sealed class SchemaEvent(string name, ObjectType data) : SchemaEntity(name)
{
    /// <summary>What it tells.</summary>
    public ObjectType Data => data;
}
