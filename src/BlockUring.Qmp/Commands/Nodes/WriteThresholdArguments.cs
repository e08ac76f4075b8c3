namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>Arguments of block-set-write-threshold.</summary>
/// <param name="NodeName">The node.</param>
/// <param name="WriteThreshold">Bytes from the start of the disk; 0 for none.</param>
internal sealed record WriteThresholdArguments(string NodeName, ulong WriteThreshold);
