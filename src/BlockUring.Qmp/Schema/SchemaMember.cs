namespace BlockUring.Qmp.Schema;

/// <summary>A member of an object.</summary>
/// <param name="Name">Its name on the wire.</param>
/// <param name="Type">The type of its value.</param>
/// <param name="IsOptional">Whether it may be left out.</param>
/// <param name="Features">What clients can find out about it.</param>
internal sealed record SchemaMember(string Name, SchemaType Type, bool IsOptional, IReadOnlyList<string> Features);
