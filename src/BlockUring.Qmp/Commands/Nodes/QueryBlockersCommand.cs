using BlockUring.Graph;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>x-query-blockers.</summary>
internal sealed class QueryBlockersCommand() : QmpCommand<QueryBlockersArguments, IReadOnlyList<BlockerResult>>(
    "x-query-blockers", QmpJson.Default.QueryBlockersArguments, QmpJson.Default.IReadOnlyListBlockerResult)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<BlockerResult>> RunAsync(MonitorContext context, QueryBlockersArguments arguments)
    {
        IEnumerable<BlockNode> nodes = arguments.NodeName == null ? context.Graph.Nodes.Reverse() : [context.FindNode(arguments.NodeName)];
        return new([.. nodes.SelectMany(BlockedOperation.Of).Select(b => new BlockerResult(b.Node.Name, b.Operation, b.User, b.Reason))]);
    }
}
