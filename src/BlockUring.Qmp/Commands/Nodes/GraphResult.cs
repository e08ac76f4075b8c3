namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>The whole graph ("XDbgBlockGraph").</summary>
internal sealed record GraphResult(IReadOnlyList<GraphNodeResult> Nodes, IReadOnlyList<GraphEdgeResult> Edges);
