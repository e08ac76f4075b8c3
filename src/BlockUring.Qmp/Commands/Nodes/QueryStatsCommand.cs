using BlockUring.Graph;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>query-blockstats.</summary>
internal sealed class QueryStatsCommand() : QmpCommand<QueryStatsArguments, IReadOnlyList<StatsResult>>(
    "query-blockstats", QmpJson.Default.QueryStatsArguments, QmpJson.Default.IReadOnlyListStatsResult)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<StatsResult>> RunAsync(MonitorContext context, QueryStatsArguments arguments) =>
        new(arguments.QueryNodes == true ? [.. context.Graph.Nodes.Select(Describe)] : []);

    private static StatsResult Describe(BlockNode node) => new()
    {
        NodeName = node.Name,
        Stats = new() { HighestWritten = node.Observers.HighestWritten },
        Parent = node.Primary is { } primary ? Describe(primary.Node) : null,
    };
}
