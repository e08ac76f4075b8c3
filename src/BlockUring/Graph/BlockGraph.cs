using BlockUring.Images;
using BlockUring.Images.Encryption;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>
/// The nodes of one process and who uses them. Changes are all or nothing, one at a time, and happen while the users above the nodes concerned
/// are quiet; requests elsewhere go on.
/// </summary>
/// <remarks>Everything is called on one thread: the scheduler's.</remarks>
public sealed class BlockGraph
{
    /// <summary>The most nodes that a graph may have.</summary>
    public const int MaxNodes = 4096;

    private static readonly TimeSpan ClosingPatience = TimeSpan.FromSeconds(3);

    private readonly List<BlockNode> nodes = [];
    private readonly List<DrainedSection> sections = [];
    private readonly RangeLock changes = new();
    private int autoNameCount;
    private long lastSequence;

    /// <summary>Makes an empty graph.</summary>
    public BlockGraph(Scheduler scheduler, FileHost host)
    {
        Scheduler = scheduler;
        Host = host;
    }

    /// <summary>The thread of the graph.</summary>
    public Scheduler Scheduler { get; }

    /// <summary>Where files come from.</summary>
    public FileHost Host { get; }

    /// <summary>Decides which files named inside images may be opened.</summary>
    public OpenGate Gate { get; init; } = OpenGate.AllowAll;

    /// <summary>Receives warnings, one each.</summary>
    public Action<string> Warn { get; init; } = _ => { };

    /// <summary>What named objects a filter may refer to ("throttle-group"), by type and name; null where there is none.</summary>
    public Func<string, string, object?>? FindObject { get; set; }

    /// <summary>A password or key by name.</summary>
    /// <exception cref="BlockException">There is none.</exception>
    public byte[] FindSecret(string id) => FindObject?.Invoke("secret", id) as byte[] ?? throw SecretAccess.Missing(id);

    /// <summary>All nodes, oldest first: what a node keeps its data in is older than the node, its backing node younger, as in QEMU's lists.</summary>
    public IReadOnlyList<BlockNode> Nodes => nodes;

    /// <summary>Told of every image whose metadata turn out to be corrupt.</summary>
    public Action<BlockNode, ImageCorruption>? CorruptionFound { get; set; }

    /// <summary>Told of every node that has come.</summary>
    public Action<BlockNode>? NodeAdded { get; set; }

    internal void Tell(BlockNode node, ImageCorruption corruption)
    {
        Warn(corruption.ToString());
        CorruptionFound?.Invoke(node, corruption);
    }

    /// <summary>The node of that name, null for none.</summary>
    public BlockNode? TryFind(string name) => nodes.Find(n => n.Name == name);

    /// <summary>The node of that name.</summary>
    /// <exception cref="BlockException">There is none (<see cref="BlockErrorKind.NotFound"/>).</exception>
    public BlockNode Find(string name) =>
        TryFind(name) ?? throw new BlockException(BlockErrorKind.NotFound, $"Cannot find device='{name}' nor node-name='{name}'");

    /// <summary>
    /// Waits until nobody else changes the graph. To be held by whoever adds, removes, moves or reopens nodes, and disposed of by it. Does not nest.
    /// </summary>
    public async ValueTask<IDisposable> BeginChangeAsync() => new Change(changes, await changes.AcquireAsync(0, 1));

    /// <summary>Attaches a user to a node.</summary>
    /// <param name="user">Whose requests they will be. In a drained section it is quiet from the start.</param>
    /// <param name="node">The node.</param>
    /// <param name="name">The link's name: "root", "main node".</param>
    /// <param name="needed">What the user will do.</param>
    /// <param name="shared">What it tolerates.</param>
    /// <exception cref="BlockException">A conflict of permissions; nothing has changed.</exception>
    public NodeLink Attach(NodeUser user, BlockNode node, string name, ImagePermissions needed, ImagePermissions shared)
    {
        var link = new NodeLink(user, name, LinkRole.Root, node) { Needed = needed, Shared = shared };
        node.AddParent(link);
        try
        {
            SolvePermissions();
        }
        catch
        {
            node.RemoveParent(link);
            throw;
        }

        user.Add(link);
        foreach (var section in sections)
            section.Include(user);
        return link;
    }

    /// <summary>Detaches a user; nothing of it may be in flight on the node.</summary>
    public void Detach(NodeLink link)
    {
        var user = (NodeUser)link.Owner;
        link.Node.RemoveParent(link);
        user.Remove(link);
        SolvePermissions();
        foreach (var section in sections)
            section.Exclude(user);
    }

    /// <summary>Changes what a user needs and shares.</summary>
    /// <exception cref="BlockException">A conflict of permissions; nothing has changed.</exception>
    public void SetPermissions(NodeLink link, ImagePermissions needed, ImagePermissions shared)
    {
        var before = (link.Needed, link.Shared);
        (link.Needed, link.Shared) = (needed, shared);
        try
        {
            SolvePermissions();
        }
        catch
        {
            (link.Needed, link.Shared) = before;
            throw;
        }
    }

    /// <summary>Makes everybody above these nodes quiet; who comes while the section lasts is quiet too.</summary>
    /// <returns>The section, to be disposed of.</returns>
    public async ValueTask<DrainedSection> DrainAsync(params BlockNode[] drained)
    {
        var section = new DrainedSection(drained, s => sections.Remove(s));
        sections.Add(section);
        section.IncludeAll();
        await section.WaitUntilQuietAsync();
        return section;
    }

    /// <summary>Brings every link's permissions up to date after a change of the graph.</summary>
    /// <exception cref="BlockException">Two users of a node disagree; links' permissions are as before.</exception>
    internal void SolvePermissions()
    {
        PermissionSolver.Solve(nodes);
        foreach (var section in sections)
            section.IncludeAll();
    }

    /// <summary>A name for a node that nobody named.</summary>
    internal string NextAutoName()
    {
        string name;
        do
            name = $"#block{autoNameCount++:D3}";
        while (TryFind(name) != null);
        return name;
    }

    /// <summary>The place in the order of nodes for one that is being made.</summary>
    internal long NextSequence() => ++lastSequence;

    internal void Register(BlockNode node)
    {
        if (nodes.Count >= MaxNodes)
            throw new BlockException(BlockErrorKind.Limit, $"There are {MaxNodes} nodes already");
        if (TryFind(node.Name) != null)
            throw new BlockException(BlockErrorKind.Invalid, $"Duplicate nodes with node-name='{node.Name}'");
        if (node.Sequence == 0)
            node.Sequence = NextSequence();
        nodes.Insert(nodes.FindLastIndex(n => n.Sequence < node.Sequence) + 1, node);
        NodeAdded?.Invoke(node);
    }

    /// <summary>Lets a node go, and those below it that only it kept alive. Nobody may be using it.</summary>
    internal async ValueTask CloseAsync(BlockNode node)
    {
        try
        {
            await CloseTreeAsync(node);
        }
        finally
        {
            SolvePermissions();
        }
    }

    /// <summary>As <see cref="CloseAsync(BlockNode)"/>, unless somebody uses the node or made it by name.</summary>
    public ValueTask CloseIfUnusedAsync(BlockNode node) =>
        node.Parents.Count == 0 && !node.IsMonitorOwned ? CloseAsync(node) : ValueTask.CompletedTask;

    private async ValueTask CloseTreeAsync(BlockNode node)
    {
        if (node.Parents.Count > 0)
            throw new InvalidOperationException($"Node '{node.Name}' is to be closed and still in use.");
        if (node.IsClosed)
            return;
        node.IsClosed = true;
        var isOver = false;
        try
        {
            if (node.DependsOnPeer)
                Scheduler.Detach(GiveUpLateAsync(node, () => isOver));
            await node.CloseAsync();
        }
        finally
        {
            isOver = true;
            nodes.Remove(node);
            var below = node.Children.ToArray();
            foreach (var link in below)
                node.RemoveChild(link);
            foreach (var link in below)
            {
                if (link.Node.Parents.Count == 0 && !link.Node.IsMonitorOwned)
                    await CloseTreeAsync(link.Node);
            }
        }
    }

    // What a node writes when it is closed may go to a peer that does not answer any more.
    private async ValueTask GiveUpLateAsync(BlockNode node, Func<bool> isOver)
    {
        await Scheduler.DelayAsync(ClosingPatience);
        while (!isOver())
        {
            node.CancelInFlight();
            await Scheduler.DelayAsync(ClosingPatience);
        }
    }

    private sealed class Change(RangeLock changes, RangeLock.Entry held) : IDisposable
    {
        private bool isOver;

        public void Dispose()
        {
            if (isOver)
                return;
            isOver = true;
            changes.Release(held);
        }
    }
}
