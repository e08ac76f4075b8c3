using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Jobs.Commit;

/// <summary>
/// All overlays of a node in the hands of a job that writes the node and keeps them as they are: writable, bound to their place in the graph, and the
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
    private readonly BlockNode storage;
    private readonly string by;
    private readonly OperationBlocker blocker;
    private readonly List<FormatNode> opened = [];
    private readonly List<FormatNode> reopened = [];
    private readonly List<FormatNode> blocked = [];
    private readonly List<NodeLink> links = [];
    private readonly List<NodeLink> uses = [];
    private FormatNode[] overlays = [];
    private OverlayGuard? guard;

    private OverlayHold(BlockGraph graph, BlockNode below, string by, string reason)
    {
        this.graph = graph;
        this.below = below;
        this.by = by;
        storage = NodeChain.Storage(below);
        blocker = new OperationBlocker(Blocked, by, reason);
    }

    /// <summary>Keeps the overlays as they are.</summary>
    public OverlayGuard Guard => guard ?? throw new InvalidOperationException("The overlays are not held.");

    /// <summary>Takes all overlays of a node; nobody writes it yet.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="below">The node that is going to be written.</param>
    /// <param name="source">What will be written there; needs no care where it is such an overlay itself.</param>
    /// <param name="wanted">Overlays that are to be opened for this.</param>
    /// <param name="by">Whose the overlays are now, as messages name it.</param>
    /// <param name="reason">Why operations on the overlays are refused meanwhile.</param>
    /// <exception cref="BlockException">Why not, and which overlay; everything is as before.</exception>
    public static async ValueTask<OverlayHold> TakeAsync(
        BlockGraph graph, BlockNode below, BlockNode source, OverlayProtection wanted, string by, string reason)
    {
        var hold = new OverlayHold(graph, below, by, reason);
        try
        {
            await hold.TakeAllAsync(source, wanted);
            return hold;
        }
        catch
        {
            await hold.GiveBackAsync();
            throw;
        }
    }

    /// <summary>The overlays that show a node, and are not what is going to be written there.</summary>
    /// <exception cref="BlockException">One of them cannot be kept as it is.</exception>
    internal static IReadOnlyList<FormatNode> Find(BlockNode below, BlockNode source)
    {
        var exempt = NodeChain.SkipFilters(source);
        FormatNode[] found = [.. NodeChain.OverlaysOf(NodeChain.SkipFilters(below)).Where(o => o != exempt).Distinct()];
        foreach (var overlay in found)
            Demand(overlay, below);

        // Why not: a raw image may show the file from an offset on.
        if (NodeChain.OverlaysOf(NodeChain.Storage(below)).FirstOrDefault(o => o != exempt && !found.Contains(o)) is { } astray)
            throw Refused(astray, below, BlockErrorKind.Unsupported, "it does not lie over that node, but over its file");
        return found;
    }

    /// <summary>What messages call a node: its name, or the file of one that got its name by itself.</summary>
    internal static string NameOf(BlockNode node) => node.Name.StartsWith('#') && node.FileName.Length > 0 ? node.FileName : node.Name;

    /// <summary>Says whose requests those to the overlays will be.</summary>
    /// <param name="user">Quiet while an overlay is drained.</param>
    /// <exception cref="BlockException">A conflict of permissions; <see cref="GiveBackAsync"/> is due.</exception>
    public void UseBy(NodeUser user)
    {
        foreach (var overlay in overlays)
            uses.Add(graph.Attach(user, overlay, "overlay", ImagePermissions.WriteUnchanged, NodeLink.AllPermissions));
    }

    /// <summary>
    /// Gives the overlays back, those that were read-only as such; those that were opened for this alone are closed. The caller holds the graph's change,
    /// nothing is in flight, and the node below has no writer any more. Cannot fail: what the overlays need is in them. May be called again.
    /// </summary>
    public async ValueTask GiveBackAsync()
    {
        guard?.End();
        guard = null;
        storage.OverlayKeeper = null;
        foreach (var link in links)
        {
            link.IsGuarded = false;
            link.Unfreeze(by);
        }

        foreach (var overlay in blocked)
            overlay.Blockers.Remove(blocker);
        foreach (var use in uses.Where(u => u.Node.Parents.Contains(u)))
            graph.Detach(use);
        foreach (var node in reopened)
            await TryAsync(() => GraphReopener.SetReadOnlyAsync(graph, node, readOnly: true));
        foreach (var node in opened.Where(n => !n.IsClosed))
            await TryAsync(() => graph.CloseIfUnusedAsync(node));
        links.Clear();
        blocked.Clear();
        uses.Clear();
        reopened.Clear();
        opened.Clear();
        graph.SolvePermissions();
    }

    private static void Demand(FormatNode overlay, BlockNode below)
    {
        overlay.Blockers.Demand(overlay.Name, NodeOperation.Stream | NodeOperation.Reopen | NodeOperation.Replace | NodeOperation.Amend);
        if (overlay.Image.Format.Describe().Snapshots is { Count: > 0 } snapshots)
        {
            throw Refused(
                overlay,
                below,
                BlockErrorKind.Unsupported,
                $"it has internal snapshots ('{snapshots[0].Name}'), which show '{NameOf(below)}', too, and would not; delete them first");
        }
    }

    private async ValueTask TakeAllAsync(BlockNode source, OverlayProtection wanted)
    {
        opened.AddRange(await OverlayFinder.OpenAsync(graph, below, wanted, readOnly: false));
        overlays = [.. Find(below, source)];
        foreach (var overlay in overlays)
            await MakeWritableAsync(overlay);

        // Why drained: of reads that are in flight, those are known that begin from now on.
        using var section = await graph.DrainAsync(overlays);
        foreach (var link in NodeChain.OverlayLinksOf(storage))
        {
            link.IsGuarded = true;
            link.Freeze(by);
            links.Add(link);
        }

        foreach (var overlay in overlays)
        {
            overlay.Blockers.Add(blocker);
            blocked.Add(overlay);
        }

        storage.OverlayKeeper = by;
        graph.SolvePermissions();

        // Why the same unit as the copy's: ranges are copied, and written, in whole units.
        var unit = CommitJob.SettingsFor(below).ClusterLength;
        guard = new OverlayGuard(graph.Scheduler, below, overlays, Math.Max(below.Length, source.Length), unit);
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
            graph.Warn($"An overlay of '{NameOf(below)}' was not closed cleanly: {e.Message}");
        }
    }

    private static BlockException Refused(FormatNode overlay, BlockNode below, BlockErrorKind kind, string why) =>
        new(kind, $"Overlay '{NameOf(overlay)}' cannot be kept as it is while '{NameOf(below)}' is written: {why}");
}
