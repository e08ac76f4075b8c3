namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>Somebody's use of a node ("XDbgBlockGraphEdge").</summary>
internal sealed record GraphEdgeResult(
    ulong Parent, ulong Child, string Name, IReadOnlyList<string> Perm, IReadOnlyList<string> SharedPerm);
