namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>Arguments of query-blockstats.</summary>
/// <param name="QueryNodes">Whether all nodes are told of, rather than devices, of which there are none here.</param>
internal sealed record QueryStatsArguments(bool? QueryNodes = null);
