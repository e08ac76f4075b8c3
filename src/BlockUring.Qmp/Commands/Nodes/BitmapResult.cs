namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>A dirty bitmap ("BlockDirtyInfo").</summary>
internal sealed record BitmapResult(
    string? Name, long Count, uint Granularity, bool Recording, bool Busy, bool Persistent, bool? Inconsistent);
