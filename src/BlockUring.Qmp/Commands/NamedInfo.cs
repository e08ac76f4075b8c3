namespace BlockUring.Qmp.Commands;

/// <summary>Something of which only the name is told.</summary>
/// <param name="Name">Of the command or kind of device.</param>
internal sealed record NamedInfo(string Name);
