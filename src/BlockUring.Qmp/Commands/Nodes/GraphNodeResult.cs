namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>A node or a user of nodes ("XDbgBlockGraphNode").</summary>
internal sealed record GraphNodeResult(ulong Id, string Type, string Name);
