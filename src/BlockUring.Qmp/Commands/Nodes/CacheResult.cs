namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>A node's cache mode ("BlockdevCacheInfo").</summary>
internal sealed record CacheResult(bool Writeback, bool Direct, bool NoFlush);
