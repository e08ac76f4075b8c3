using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Jobs.Commit;

/// <summary>
/// Overlays in the hands of a job that writes the node below them and keeps them as they are: writable, bound to their place in the graph, and the
/// only ones that the node has.
/// </summary>
public sealed class OverlayHold
{
    // Why these: the overlay's length, its place above the node, its being writable and what its snapshots show must stay; a stream over it would
    // end with another overlay in its place.
    private const NodeOperation Blocked = NodeOperation.Resize | NodeOperation.Delete | NodeOperation.Replace | NodeOperation.Reopen
        | NodeOperation.InternalSnapshot | NodeOperation.Amend | NodeOperation.Stream;

    private readonly BlockGraph graph;
    private readonly BlockNode below;
    private readonly NodeUser user;
    private readonly OperationBlocker blocker;
    private readonly List<FormatNode> reopened = [];
    private readonly List<NodeLink> guarded = [];
    private readonly List<NodeLink> frozen = [];
    private readonly List<NodeLink> used = [];
    private OverlayGuard? guard;

    private OverlayHold(BlockGraph graph, BlockNode below, NodeUser user, string reason)
    {
        this.graph = graph;
        this.below = below;
        this.user = user;
        blocker = new OperationBlocker(Blocked, user.Description, reason);
    }

    /// <summary>Keeps the overlays as they are.</summary>
    public OverlayGuard Guard => guard ?? throw new InvalidOperationException("The overlays are not held.");

    /// <summary>Takes all overlays of a node; nobody writes it yet.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="below">The node that is going to be written.</param>
    /// <param name="source">The layer whose data will be written there, and which needs no care where it is such an overlay.</param>
    /// <param name="user">Whose requests they will be.</param>
    /// <param name="reason">Why operations on the overlays are refused meanwhile.</param>
    /// <param name="granularity">The unit of what will be written, in bytes.</param>
    /// <exception cref="BlockException">Why not, and which overlay; everything is as before.</exception>
    public static async ValueTask<OverlayHold> TakeAsync(
        BlockGraph graph, BlockNode below, BlockNode source, NodeUser user, string reason, long granularity)
    {
        var hold = new OverlayHold(graph, below, user, reason);
        try
        {
            await hold.TakeAllAsync(source, granularity);
            return hold;
        }
        catch
        {
            await hold.GiveBackAsync();
            throw;
        }
    }

    /// <summary>Throws what makes an overlay one that cannot be kept as it is.</summary>
    public static void Demand(FormatNode overlay, BlockNode below)
    {
        overlay.Blockers.Demand(overlay.Name, Blocked & ~NodeOperation.Delete & ~NodeOperation.Resize & ~NodeOperation.InternalSnapshot);
        if (overlay.Image.Format.Describe().Snapshots is { Count: > 0 } snapshots)
        {
            throw Refused(
                overlay,
                below,
                BlockErrorKind.Unsupported,
                $"it has internal snapshots ('{snapshots[0].Name}'), which show '{below.Name}' and cannot be kept as they are; delete them first");
        }
    }

    /// <summary>
    /// Gives the overlays back, those that were read-only as such; those that were opened for this alone are closed. The caller holds the graph's change,
    /// nothing is in flight, and the node below has no writer any more. Cannot fail: what the overlays need is in them.
    /// </summary>
    public async ValueTask GiveBackAsync()
    {
        guard?.End();
        guard = null;
        below.OverlayKeeper = null;
        foreach (var link in guarded)
            link.IsGuarded = false;
        foreach (var link in frozen)
            link.Unfreeze(user.Description);
        foreach (var link in used)
        {
            link.Node.Blockers.Remove(blocker);
            graph.Detach(link);
        }

        foreach (var node in reopened)
            await TryAsync(() => GraphReopener.SetReadOnlyAsync(graph, node, readOnly: true));
        foreach (var link in used)
            await TryAsync(() => graph.CloseIfUnusedAsync(link.Node));

        guarded.Clear();
        frozen.Clear();
        reopened.Clear();
        used.Clear();
        graph.SolvePermissions();
    }

    private async ValueTask TakeAllAsync(BlockNode source, long granularity)
    {
        var exempt = source.Layer;
        NodeLink[] links = [.. DirectOverlays.Of(below)];
        FormatNode[] overlays = [.. links.Select(l => (FormatNode)l.Owner).Where(n => n != exempt)];
        foreach (var overlay in overlays)
        {
            Demand(overlay, below);
            await MakeWritableAsync(overlay);
        }

        // Why drained: reads that are in flight are known from the moment on at which they are noted.
        using var section = await graph.DrainAsync(overlays);
        foreach (var link in links)
        {
            link.IsGuarded = true;
            guarded.Add(link);
            link.Freeze(user.Description);
            frozen.Add(link);
        }

        below.OverlayKeeper = user.Description;
        foreach (var overlay in overlays)
        {
            used.Add(graph.Attach(user, overlay, "overlay", ImagePermissions.WriteUnchanged, NodeLink.AllPermissions));
            overlay.Blockers.Add(blocker);
        }

        graph.SolvePermissions();
        guard = new OverlayGuard(graph.Scheduler, below, overlays, Math.Max(below.Length, source.Length), granularity);
    }

    private async ValueTask MakeWritableAsync(FormatNode overlay)
    {
        if (!overlay.Settings.ReadOnly)
            return;
        try
        {
            await GraphReopener.SetReadOnlyAsync(graph, overlay, readOnly: false);
        }
        catch (BlockException e)
        {
            throw Refused(overlay, below, e.Kind, e.Message);
        }

        reopened.Add(overlay);
    }

    private async ValueTask TryAsync(Func<ValueTask> step)
    {
        try
        {
            await step();
        }
        catch (BlockException e)
        {
            graph.Warn($"An overlay of '{below.Name}' was not closed cleanly: {e.Message}");
        }
    }

    private static BlockException Refused(FormatNode overlay, BlockNode below, BlockErrorKind kind, string why) =>
        new(kind, $"Overlay '{overlay.Name}' of '{below.Name}' cannot be kept as it is: {why}");
}
