using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>
/// Works out, from the users down, what is needed and shared on every link; refuses a graph in which two users of a node disagree. All or
/// nothing: after a refusal every link and every lock is as before.
/// </summary>
internal sealed class PermissionSolver
{
    private static readonly (ImagePermissions Permission, string Name)[] Names =
    [
        (ImagePermissions.ConsistentRead, "consistent read"),
        (ImagePermissions.Write, "write"),
        (ImagePermissions.WriteUnchanged, "write unchanged"),
        (ImagePermissions.Resize, "resize"),
    ];

    private readonly IReadOnlyCollection<BlockNode> nodes;
    private readonly List<(NodeLink Link, ImagePermissions Needed, ImagePermissions Shared)> before = [];

    private PermissionSolver(IReadOnlyCollection<BlockNode> nodes) => this.nodes = nodes;

    /// <summary>Brings all links up to date.</summary>
    /// <exception cref="BlockException">Who is in whose way, and over what.</exception>
    public static void Solve(IReadOnlyCollection<BlockNode> nodes) => new PermissionSolver(nodes).Run();

    /// <summary>What all users of a node together need and share.</summary>
    public static (ImagePermissions Needed, ImagePermissions Shared) Together(BlockNode node)
    {
        var needed = ImagePermissions.None;
        var shared = NodeLink.AllPermissions;
        foreach (var link in node.Parents)
        {
            needed |= link.Needed;
            shared &= link.Shared;
        }

        return (needed, shared);
    }

    /// <summary>Permissions as messages list them: "write, resize".</summary>
    public static string Text(ImagePermissions permissions) =>
        string.Join(", ", Names.Where(n => (permissions & n.Permission) != 0).Select(n => n.Name));

    /// <summary>Permissions as the wire names them: "write-unchanged".</summary>
    public static IEnumerable<string> WireNames(ImagePermissions permissions) =>
        Names.Where(n => (permissions & n.Permission) != 0).Select(n => n.Name.Replace(' ', '-'));

    private void Run()
    {
        try
        {
            foreach (var node in FromTheTop())
                SolveBelow(node);
            foreach (var node in nodes.Where(n => n.OverlayKeeper != null))
                DemandOverlaysKept(node);
            Apply();
        }
        catch
        {
            foreach (var (link, needed, shared) in before)
                (link.Needed, link.Shared) = (needed, shared);
            throw;
        }
    }

    // First everybody takes what is new, which may fail, and then gives back what is not wanted any more, which cannot.
    private void Apply()
    {
        var changed = nodes.Where(n => n.Applied != Together(n)).ToArray();
        var taken = 0;
        try
        {
            foreach (var node in changed)
            {
                var (needed, shared) = Together(node);
                node.ApplyPermissions(needed | node.Applied.Needed, shared & node.Applied.Shared);
                taken++;
            }
        }
        catch
        {
            foreach (var node in changed[..taken])
                node.ApplyPermissions(node.Applied.Needed, node.Applied.Shared);
            throw;
        }

        foreach (var node in changed)
        {
            node.Applied = Together(node);
            node.ApplyPermissions(node.Applied.Needed, node.Applied.Shared);
        }
    }

    private void SolveBelow(BlockNode node)
    {
        DemandNoConflict(node);
        var (needed, shared) = Together(node);
        DemandWritable(node, needed);
        foreach (var link in node.Children)
        {
            before.Add((link, link.Needed, link.Shared));
            (link.Needed, link.Shared) = node.PermissionsFor(link, needed, shared);
        }
    }

    private static void DemandNoConflict(BlockNode node)
    {
        foreach (var one in node.Parents)
        {
            foreach (var other in node.Parents)
            {
                var contested = one.Needed & ~other.Shared;
                if (one != other && contested != 0)
                    throw Conflict(node, one, other, contested);
            }
        }
    }

    // Why not by permissions: an overlay that nobody uses yet shares everything, and would show what it should not as soon as somebody does.
    private void DemandOverlaysKept(BlockNode node)
    {
        foreach (var link in NodeChain.OverlayLinksOf(node))
        {
            if (!link.IsGuarded && link.Owner is BlockNode overlay && nodes.Contains(overlay))
            {
                throw new BlockException(
                    BlockErrorKind.Locked,
                    $"Node '{link.Node.Name}' cannot be the backing node of '{overlay.Name}' now: {node.OverlayKeeper} writes it, and keeps only the " +
                    "overlays that were there at its start as they are");
            }
        }
    }

    private static void DemandWritable(BlockNode node, ImagePermissions needed)
    {
        if (node.IsReadOnly && (needed & (ImagePermissions.Write | ImagePermissions.WriteUnchanged)) != 0)
            throw new BlockException(BlockErrorKind.Access, "Block node is read-only");
    }

    private static BlockException Conflict(BlockNode node, NodeLink one, NodeLink other, ImagePermissions contested) => new(
        BlockErrorKind.Locked,
        $"Permission conflict on node '{node.Name}': permissions '{Text(contested)}' are both required by {one.Owner.Description} " +
        $"(uses node '{node.Name}' as '{one.Name}' child) and unshared by {other.Owner.Description} " +
        $"(uses node '{node.Name}' as '{other.Name}' child).");

    // Every node after all of those above it.
    private List<BlockNode> FromTheTop()
    {
        // Why only registered ones: a node in the making has its links already, and no permissions yet.
        var known = nodes.ToHashSet();
        var waiting = nodes.ToDictionary(n => n, n => n.Parents.Count(l => l.Owner is BlockNode above && known.Contains(above)));
        var ready = new Queue<BlockNode>(nodes.Where(n => waiting[n] == 0));
        var order = new List<BlockNode>(waiting.Count);
        while (ready.TryDequeue(out var node))
        {
            order.Add(node);
            foreach (var link in node.Children)
            {
                if (--waiting[link.Node] == 0)
                    ready.Enqueue(link.Node);
            }
        }

        if (order.Count < waiting.Count)
            throw new InvalidOperationException("The block graph has a cycle.");
        return order;
    }
}
