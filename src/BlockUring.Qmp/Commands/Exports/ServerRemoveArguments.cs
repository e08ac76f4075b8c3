namespace BlockUring.Qmp.Commands.Exports;

/// <summary>Arguments of nbd-server-remove.</summary>
/// <param name="Name">The export's id.</param>
/// <param name="Mode">"safe" or "hard".</param>
internal sealed record ServerRemoveArguments(string Name, string? Mode = null);
