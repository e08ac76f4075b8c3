using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Jobs.Backup;
using BlockUring.Storage;

namespace BlockUring.Jobs.Mirror;

/// <summary>The nodes of a mirror: what it keeps others from doing with them, and how the target takes the source's place.</summary>
internal sealed class MirrorNodes
{
    // Why these of the source: its length has to stay, and whoever writes it by name would be left behind, with what he writes, when the target
    // takes its place; a second mirror would be.
    private const NodeOperation BlockedAtSource = NodeOperation.Resize | NodeOperation.Replace | NodeOperation.Delete | NodeOperation.ExternalSnapshot
        | NodeOperation.MirrorSource | NodeOperation.MirrorTarget | NodeOperation.BackupTarget | NodeOperation.CommitTarget;

    private readonly BlockGraph graph;
    private readonly MirrorRequest request;
    private readonly MirrorTopNode filter;
    private readonly JobNodes nodes;
    private BlockNode? replaced;
    private OperationBlocker? replaceBlocker;

    public MirrorNodes(BlockGraph graph, MirrorRequest request, MirrorTopNode filter, JobNodes nodes)
    {
        this.graph = graph;
        this.request = request;
        this.filter = filter;
        this.nodes = nodes;
    }

    /// <summary>Attaches the job.</summary>
    public void Use()
    {
        nodes.Use(filter, "main node", MainNeeds(), NodeLink.AllPermissions, NodeOperation.Resize | NodeOperation.Replace | NodeOperation.Delete);
        if (request.IsCommit)
        {
            ActiveCommit.UseChain(nodes, request);
            return;
        }

        nodes.Use(request.Source, "source", ImagePermissions.None, NodeLink.AllPermissions, BlockedAtSource);
        nodes.Use(request.Target, "target", ImagePermissions.None, NodeLink.AllPermissions, NodeOperation.All & ~NodeOperation.Reopen);
    }

    /// <summary>Detaches the job, and takes the filter out.</summary>
    public async ValueTask ReleaseAsync()
    {
        if (replaceBlocker != null)
            replaced!.Blockers.Remove(replaceBlocker);
        replaceBlocker = null;
        if (request.IsCommit)
            ActiveCommit.Unfreeze(request);
        nodes.Release();
        if (!filter.IsClosed)
            await GraphEditor.RemoveAsync(graph, filter);
    }

    /// <summary>Finds the node whose place the target will take, and keeps others from replacing it until then.</summary>
    /// <exception cref="BlockException">It cannot be replaced now.</exception>
    public void DemandReplaceable()
    {
        var node = MirrorDemands.FindReplaced(graph, request);
        foreach (var link in LinksToMove(node))
            link.DemandNotFrozen();
        if (replaceBlocker != null)
            return;
        replaced = node;
        replaceBlocker = new OperationBlocker(NodeOperation.All, nodes.Description, "block device is in use by block-job-complete");
        node.Blockers.Add(replaceBlocker);
    }

    /// <summary>Nobody uses the disk, or the target, while the section lasts.</summary>
    public ValueTask<DrainedSection> DrainAsync() => graph.DrainAsync(request.Source, request.Target);

    /// <summary>What was copied is on the target's storage.</summary>
    public async ValueTask FinishTargetAsync()
    {
        // The rest of the last sector, which a source may lack, reads as zeroes there.
        var (start, end) = (request.Source.Length, request.Target.Length);
        if (start < end && end - start < 512 && !(await request.Target.GetStatusAsync(start, end - start)).IsZero)
            await request.Target.WriteZeroesAsync(start, end - start);
        await request.Target.FlushAsync();
    }

    /// <summary>What is written from now on is what the target does not get any more. Nobody may be writing the disk.</summary>
    public void StartBitmapAnew() => successor?.Clear();

    /// <summary>Puts the target in the place of the source, or of the node that it is to replace, for all who use that. Inside a drained section.</summary>
    /// <exception cref="BlockException">Why not; everything is as before.</exception>
    public async ValueTask PivotAsync()
    {
        var node = MirrorDemands.FindReplaced(graph, request);
        graph.SolvePermissions();
        var (target, oldBacking) = (request.Target, request.Target.BackingLink?.Node);
        await TakeBackingAsync();
        await TryTakeReadOnlyAsync(node);
        try
        {
            GraphEditor.Move(graph, LinksToMove(node), target);
        }
        catch (BlockException)
        {
            if (target.BackingLink?.Node != oldBacking)
                await GraphEditor.SetBackingAsync(graph, target, oldBacking);
            throw;
        }
    }
}
