namespace BlockUring.Qmp.Commands;

/// <summary>A type of objects, as qom-list-types answers.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Abstract">Whether it has no objects itself; left out when it has.</param>
/// <param name="Parent">The type that it is one of.</param>
internal sealed record ObjectTypeInfo(string Name, bool? Abstract = null, string? Parent = null);
