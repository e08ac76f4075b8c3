using BlockUring.Graph;
using BlockUring.Jobs;
using BlockUring.Jobs.Commit;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>commit: at once, while guests wait, into the backing file next below; the disk is empty then.</summary>
internal sealed class CommitMonitorCommand()
    : HmpCommand("commit", "device:B", "device|all", "commit changes to the backing files of the disk images")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call)
    {
        var (graph, name) = (call.Context.Graph, call.Arguments["device"]!);
        using var change = await graph.BeginChangeAsync();
        try
        {
            if (name == "all")
            {
                foreach (var node in graph.Nodes.Where(IsOverlayAtTheTop).ToArray())
                    await CommitAsync(graph, node);
            }
            else if (graph.TryFind(name) is { } node)
            {
                await CommitAsync(graph, node);
            }
            else
            {
                call.Print($"Device '{name}' not found");
            }
        }
        catch (BlockException e)
        {
            call.Print($"'commit' error for '{name}': {(e.ErrorNumber != 0 ? Errno.Message(e.ErrorNumber) : e.Message)}");
        }
    }

    private static bool IsOverlayAtTheTop(BlockNode node) =>
        node is { IsFilter: false, BackingLink: not null } && node.Parents.All(IsRoot);

    private static bool IsRoot(NodeLink link) =>
        link.Owner is not BlockNode above || (link.Role == LinkRole.Filtered && above.IsFilter && above.Parents.All(IsRoot));

    private static async ValueTask CommitAsync(BlockGraph graph, BlockNode node)
    {
        var top = NodeChain.SkipFilters(node);
        var below = top.BackingLink?.Node ?? throw new BlockException(BlockErrorKind.Unsupported, "Operation not supported", Errno.EOPNOTSUPP);

        // Why: a job may want to know what the disk holds itself (a backup of the top layer), and it is about to hold nothing.
        if (top.Parents.Any(l => l.Owner is JobNodes))
            throw new BlockException(BlockErrorKind.Locked, "Device or resource busy", Errno.EBUSY);
        top.Blockers.Demand(top.Name, NodeOperation.CommitSource);
        below.Blockers.Demand(below.Name, NodeOperation.CommitTarget);
        await OfflineCommit.RunAsync(graph, new CommitRequest(new JobSettings("commit"), top, top, below), empties: true, _ => { });
    }
}
