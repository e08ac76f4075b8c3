namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>query-named-block-nodes.</summary>
internal sealed class QueryNodesCommand() : QmpCommand<QueryNodesArguments, IReadOnlyList<NodeResult>>(
    "query-named-block-nodes", QmpJson.Default.QueryNodesArguments, QmpJson.Default.IReadOnlyListNodeResult)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<NodeResult>> RunAsync(MonitorContext context, QueryNodesArguments arguments) =>
        new([.. context.Graph.Nodes.Reverse().Select(n => NodeText.Describe(n, arguments.Flat ?? false))]);
}
