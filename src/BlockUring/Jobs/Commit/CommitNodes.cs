using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Storage;
using static BlockUring.Storage.ImagePermissions;

namespace BlockUring.Jobs.Commit;

/// <summary>What a commit does to the graph: takes the chain from top to base for itself, and in the end takes it out, or gives it back.</summary>
internal sealed class CommitNodes
{
    private const NodeOperation BlockedInBase = JobNodes.BlockedInChain | NodeOperation.BackupSource | NodeOperation.MirrorSource;

    private readonly BlockGraph graph;
    private readonly CommitRequest request;
    private readonly JobNodes nodes;
    private readonly DiskUser writer = new("an unnamed block device");
    private readonly List<NodeLink> frozen = [];
    private readonly bool wasReadOnly;
    private CommitTopNode? filter;
    private OverlayHold? hold;

    public CommitNodes(BlockGraph graph, Job job, CommitRequest request)
    {
        this.graph = graph;
        this.request = request;
        nodes = new JobNodes(graph, job);
        wasReadOnly = request.Base.Settings.ReadOnly;
    }

    /// <summary>Keeps the base's other overlays as they are; null where nobody wants that.</summary>
    public OverlayGuard? Guard => hold?.Guard;

    /// <summary>Makes the base writable, puts the filter in, and keeps the chain as it is.</summary>
    /// <exception cref="BlockException">Why not; <see cref="ReleaseAsync"/> undoes what was done.</exception>
    public async ValueTask TakeAsync()
    {
        nodes.Use(request.Device, "main node", None, NodeLink.AllPermissions, NodeOperation.Delete);
        if (wasReadOnly)
            await GraphReopener.SetReadOnlyAsync(graph, request.Base, readOnly: false);
        if (request.Protection is { } wanted)
            await HoldOverlaysAsync(wanted);
        await InsertFilterAsync();
        UseChain();
        Freeze();
        var resize = request.Base.Length < request.Top.Length ? Resize : None;
        graph.Attach(writer, request.Base, "root", ConsistentRead | Write | resize, ConsistentRead | WriteUnchanged);
    }

    /// <summary>The overlays have the base as their backing file from now on, in the graph and in their headers.</summary>
    /// <param name="backingFile">Its name in the headers; null for the base's own.</param>
    /// <exception cref="BlockException">Why not; they are as before.</exception>
    public async ValueTask DropAsync(string? backingFile)
    {
        // Why now: whoever uses the base by its overlays next does not tolerate writers.
        GiveBack();
        if (hold != null)
            await hold.GiveBackAsync();
        await BackingMove.RunAsync(graph, filter!, request.Base, backingFile);
    }

    /// <summary>Uses nothing any more; the base is as it was opened.</summary>
    public async ValueTask ReleaseAsync()
    {
        GiveBack();
        if (hold != null)
            await hold.GiveBackAsync();
        nodes.Release();
        await TryAsync(RemoveFilterAsync);
        if (wasReadOnly)
            await TryAsync(() => GraphReopener.SetReadOnlyAsync(graph, request.Base, readOnly: true));
    }

    private async ValueTask HoldOverlaysAsync(OverlayProtection wanted)
    {
        hold = await OverlayHold.TakeAsync(graph, request.Base, request.Top, wanted, nodes.Description, JobNodes.ReasonOf(JobType.Commit));
        hold.UseBy(nodes);
    }

    private async ValueTask InsertFilterAsync()
    {
        try
        {
            if (request.FilterName is { } name)
                GraphOpener.DemandName(graph, name);
            filter = new CommitTopNode(request.FilterName ?? graph.NextAutoName(), request.Top) { IsImplicit = request.FilterName == null };
            await GraphEditor.InsertAsync(graph, filter, request.Top);
            nodes.Use(filter, "filter", None, NodeLink.AllPermissions, NodeOperation.Delete);
        }
        catch
        {
            if (filter is { IsClosed: true })
                filter = null;
            throw;
        }
    }

    // Why write is shared: who does not share it of a node does not of the node's backing files.
    private void UseChain()
    {
        var lastImage = NodeChain.SkipFilters(request.Base);
        foreach (var node in NodeChain.Above(request.Base, request.Top))
        {
            var isFilterOnBase = NodeChain.SkipFilters(node) == lastImage;
            nodes.Use(node, "intermediate node", None, Write | WriteUnchanged | (isFilterOnBase || hold != null ? ConsistentRead : None), JobNodes.BlockedInChain);
        }

        nodes.Use(request.Base, "base", None, NodeLink.AllPermissions, BlockedInBase);
    }

    private void Freeze()
    {
        for (var link = filter!.Link; ; link = NodeChain.LinkBelow(link.Node)!)
        {
            link.Freeze(nodes.Description);
            frozen.Add(link);
            if (link.Node == request.Base)
                return;
        }
    }

    private void GiveBack()
    {
        foreach (var link in frozen)
            link.Unfreeze(nodes.Description);
        frozen.Clear();
        foreach (var link in writer.Links.ToArray())
            graph.Detach(link);
    }

    // The overlays are not above it any more where the commit has succeeded.
    private async ValueTask RemoveFilterAsync()
    {
        if (filter is { IsClosed: false })
            await GraphEditor.RemoveAsync(graph, filter);
    }

    private async ValueTask TryAsync(Func<ValueTask> step)
    {
        try
        {
            await step();
        }
        catch (BlockException e)
        {
            graph.Warn($"After commit job '{request.Settings.Id}': {e.Message}");
        }
    }
}
