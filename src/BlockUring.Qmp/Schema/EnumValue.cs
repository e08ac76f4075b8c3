namespace BlockUring.Qmp.Schema;

/// <summary>A word of an enumeration.</summary>
/// <param name="Name">The word.</param>
/// <param name="Features">What clients can find out about it.</param>
internal sealed record EnumValue(string Name, IReadOnlyList<string> Features);
