namespace BlockUring.Qmp.Commands.Exports;

/// <summary>Arguments of block-export-del.</summary>
/// <param name="Id">The export's.</param>
/// <param name="Mode">"safe" or "hard".</param>
internal sealed record ExportRemoveArguments(string Id, string? Mode = null);
