using BlockUring.Graph;
using BlockUring.Jobs;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>x-debug-query-block-graph.</summary>
internal sealed class QueryGraphCommand()
    : QmpCommand<NoArguments, GraphResult>("x-debug-query-block-graph", QmpJson.Default.NoArguments, QmpJson.Default.GraphResult)
{
    /// <inheritdoc/>
    protected override ValueTask<GraphResult> RunAsync(MonitorContext context, NoArguments arguments)
    {
        var ids = new Dictionary<ILinkOwner, ulong>();
        var links = context.Graph.Nodes.SelectMany(n => n.Parents).ToArray();
        // Users first, as in QEMU.
        List<ILinkOwner> owners = [.. links.Select(l => l.Owner).Where(o => o is not BlockNode).Distinct(), .. context.Graph.Nodes];
        foreach (var owner in owners)
            ids.Add(owner, (ulong)ids.Count + 1);
        return new(new GraphResult(
            [.. owners.Select(o => new GraphNodeResult(ids[o], TypeOf(o), NameOf(o)))],
            [.. links.Select(l => Edge(l, ids))]));
    }

    private static GraphEdgeResult Edge(NodeLink link, Dictionary<ILinkOwner, ulong> ids) => new(
        ids[link.Owner],
        ids[link.Node],
        link.Name,
        [.. BlockedOperation.NamesOf(link.Needed)],
        [.. BlockedOperation.NamesOf(link.Shared)]);

    private static string TypeOf(ILinkOwner owner) => owner switch
    {
        BlockNode => "block-driver",
        JobNodes => "block-job",
        _ => "block-backend",
    };

    private static string NameOf(ILinkOwner owner) => owner switch
    {
        BlockNode node => node.Name,
        JobNodes nodes => nodes.Job.Id,
        _ => owner.Description,
    };
}
