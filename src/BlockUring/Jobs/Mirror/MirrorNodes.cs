using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Jobs.Backup;
using BlockUring.Jobs.Commit;
using BlockUring.Storage;
using static BlockUring.Storage.ImagePermissions;

namespace BlockUring.Jobs.Mirror;

/// <summary>The nodes of a mirror: what others must not do with them meanwhile, and how the target takes the source's place.</summary>
internal sealed class MirrorNodes
{
    // Why these of the source: its length has to stay; an overlay would come between it and the filter; and whoever writes it by name, or mirrors it
    // once more, would be left behind with that when the target takes its place.
    private const NodeOperation BlockedAtSource = NodeOperation.Resize | NodeOperation.Replace | NodeOperation.Delete | NodeOperation.ExternalSnapshot
        | NodeOperation.MirrorSource | NodeOperation.MirrorTarget | NodeOperation.BackupTarget | NodeOperation.CommitTarget;

    private readonly BlockGraph graph;
    private readonly MirrorRequest request;
    private readonly MirrorTopNode filter;
    private readonly JobNodes nodes;
    private readonly List<NodeLink> frozen = [];
    private BlockNode? replaced;
    private OperationBlocker? replaceBlocker;
    private BlockNode? leftOut;

    public MirrorNodes(BlockGraph graph, MirrorRequest request, MirrorTopNode filter, JobNodes nodes)
    {
        this.graph = graph;
        this.request = request;
        this.filter = filter;
        this.nodes = nodes;
    }

    /// <summary>Attaches the job.</summary>
    /// <exception cref="BlockException">A conflict; <see cref="ReleaseAsync"/> undoes what was done.</exception>
    public void Use()
    {
        nodes.Use(filter, "main node", ConsistentRead, NodeLink.AllPermissions, NodeOperation.Resize | NodeOperation.Replace | NodeOperation.Delete);
        if (request.IsCommit)
        {
            request.Hold?.UseBy(nodes);
            UseChain();
            return;
        }

        foreach (var shown in NodeChain.From(request.Source).TakeWhile(n => n.IsFilter).Append(NodeChain.SkipFilters(request.Source)))
            nodes.Use(shown, "source", None, NodeLink.AllPermissions, BlockedAtSource);
        nodes.Use(request.Target, "target", None, NodeLink.AllPermissions, NodeOperation.All & ~NodeOperation.Reopen);
    }

    /// <summary>Detaches the job, and takes the filter out.</summary>
    public async ValueTask ReleaseAsync()
    {
        if (replaceBlocker != null)
            replaced!.Blockers.Remove(replaceBlocker);
        replaceBlocker = null;
        Unfreeze();
        nodes.Release();
        if (!filter.IsClosed)
            await GraphEditor.RemoveAsync(graph, filter);
        if (request.Hold != null)
            await request.Hold.GiveBackAsync();
        if (leftOut is { IsClosed: false })
            await graph.CloseIfUnusedAsync(leftOut);
    }

    /// <summary>Finds the node whose place the target will take, and keeps others from replacing it until then.</summary>
    /// <exception cref="BlockException">It cannot be replaced now.</exception>
    public void DemandReplaceable()
    {
        if (request.Hold != null)
            return;
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
    public ValueTask<DrainedSection> DrainAsync() => graph.DrainAsync(NodeChain.SkipFilters(request.Source), request.Target);

    /// <summary>What was copied is on the target's storage.</summary>
    public async ValueTask FinishTargetAsync()
    {
        // The rest of the last sector, which a source may lack, reads as zeroes there.
        var (start, end) = (request.Source.Length, request.Target.Length);
        if (start < end && end - start < 512 && !(await request.Target.GetStatusAsync(start, end - start)).IsZero)
        {
            if (request.BeforeTargetWrite != null)
                await request.BeforeTargetWrite(start, end - start);
            await request.Target.WriteZeroesAsync(start, end - start);
        }

        await request.Target.FlushAsync();
    }

    /// <summary>Puts the target in the place of the source, or of the node that it is to replace, for all who use that. Inside a drained section.</summary>
    /// <exception cref="BlockException">Why not; everything is as before.</exception>
    public async ValueTask PivotAsync()
    {
        if (request.Hold != null)
        {
            await LeaveOutAsync(request.Hold);
            return;
        }

        var node = MirrorDemands.FindReplaced(graph, request);
        var (target, oldBacking) = (request.Target, request.Target.BackingLink?.Node);
        graph.SolvePermissions();
        await TakeBackingAsync(target);
        try
        {
            await TryTakeReadOnlyAsync(target, node.IsReadOnly);
            GraphEditor.Move(graph, LinksToMove(node), target);
        }
        catch (BlockException)
        {
            if (target.BackingLink?.Node != oldBacking)
                await GraphEditor.SetBackingAsync(graph, target, oldBacking);
            throw;
        }
    }

    // The source comes to lie right over the target, in the graph and in its header, and stays in its place: where overlays are kept, nobody
    // may write the target from now on either.
    private async ValueTask LeaveOutAsync(OverlayHold hold)
    {
        var layer = (FormatNode)NodeChain.SkipFilters(request.Source);
        var old = layer.BackingLink!.Node;
        await hold.GiveBackAsync();
        if (NodeChain.SkipFilters(old) == NodeChain.SkipFilters(request.Target))
            return;
        Unfreeze();
        leftOut = old;
        await GraphEditor.SetBackingAsync(graph, layer, request.Target);
        try
        {
            await BackingName.SetAsync(graph, layer, BackingName.NameFrom(layer.FileName, request.Target.FileName));
        }
        catch (BlockException)
        {
            await GraphEditor.SetBackingAsync(graph, layer, old);
            throw;
        }

        // A node that was defined inside those that are left out belongs to whom they belonged to.
        for (var heir = request.Target; heir.InheritsFrom is { } above; heir = above)
        {
            if (above == layer)
            {
                request.Target.InheritsFrom = layer;
                break;
            }
        }
    }

    private void Unfreeze()
    {
        foreach (var link in frozen)
            link.Unfreeze(nodes.Description);
        frozen.Clear();
    }

    // Why not those below the filter: a filter that was put between it and the source goes with the source. Why not jobs: they mean this very node.
    private List<NodeLink> LinksToMove(BlockNode node)
    {
        var links = node.Parents.Where(GraphEditor.Follows);
        if (node == request.Source)
            links = links.Where(l => !GraphEditor.IsBelow(l, filter)).Concat(filter.Parents.Where(GraphEditor.Follows));
        return [.. links.Where(l => !GraphEditor.IsBelow(l, request.Target))];
    }

    private async ValueTask TakeBackingAsync(BlockNode target)
    {
        // Why not by a bitmap: the target held something before, and only its user knows over what.
        if (request.Backing == MirrorBacking.Leave || NodeChain.SkipFilters(target) is not FormatNode { Image.Format.SupportsBacking: true } image)
            return;
        if (request.Backing == MirrorBacking.OfSource && request.UsesBitmap)
            return;
        if (request.Backing == MirrorBacking.Open)
        {
            if (image.BackingLink == null)
                await BackingOpener.OpenAsync(graph, image);
            return;
        }

        var backing = request.Sync switch
        {
            BackupSync.None => request.Source,
            BackupSync.Top => NodeChain.SkipFilters(request.Source).BackingLink?.Node,
            _ => null,
        };
        await GraphEditor.SetBackingAsync(graph, image, backing);
    }

    // A target that others will not let be written to is good enough for those who only read.
    private async ValueTask TryTakeReadOnlyAsync(BlockNode target, bool isReadOnly)
    {
        try
        {
            await GraphReopener.SetReadOnlyAsync(graph, target, isReadOnly);
        }
        catch (BlockException e)
        {
            graph.Warn($"After {nodes.Description}: {e.Message}");
        }
    }

    // Why write is shared: who does not share it of a node does not of the node's backing files.
    private void UseChain()
    {
        var lastImage = NodeChain.SkipFilters(request.Target);
        foreach (var node in NodeChain.Above(request.Target, request.Source))
        {
            var isSource = NodeChain.From(request.Source).TakeWhile(n => n.IsFilter).Append(NodeChain.SkipFilters(request.Source)).Contains(node);
            var isFilterOnBase = NodeChain.SkipFilters(node) == lastImage;
            nodes.Use(
                node,
                isSource ? "source" : "intermediate node",
                None,
                isSource ? NodeLink.AllPermissions : Write | WriteUnchanged | (isFilterOnBase || request.Hold != null ? ConsistentRead : None),
                JobNodes.BlockedInChain | (isSource ? BlockedAtSource : NodeOperation.None));
            var link = NodeChain.LinkBelow(node)!;
            link.Freeze(nodes.Description);
            frozen.Add(link);
        }

        nodes.Use(
            request.Target,
            "target",
            None,
            NodeLink.AllPermissions,
            JobNodes.BlockedInChain | NodeOperation.BackupSource | NodeOperation.MirrorSource);
    }
}
