namespace BlockUring.Qmp.Schema;

/// <summary>A type of the definition.</summary>
internal abstract class SchemaType(string name) : SchemaEntity(name);
