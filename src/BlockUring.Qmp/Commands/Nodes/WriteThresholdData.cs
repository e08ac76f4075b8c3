namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>What BLOCK_WRITE_THRESHOLD tells.</summary>
/// <param name="NodeName">The node.</param>
/// <param name="AmountExceeded">How far the write goes beyond the threshold, in bytes.</param>
/// <param name="WriteThreshold">The threshold.</param>
internal sealed record WriteThresholdData(string NodeName, ulong AmountExceeded, ulong WriteThreshold);
