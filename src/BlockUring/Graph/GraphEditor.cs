using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Moves links between nodes while users are quiet. All or nothing. The caller holds the graph's change.</summary>
public static class GraphEditor
{
    /// <summary>Puts a filter above a node: all who use the node use the filter from then on.</summary>
    /// <param name="graph">Where.</param>
    /// <param name="filter">A node that is linked to <paramref name="below"/> already, but not registered yet.</param>
    /// <param name="below">The node.</param>
    /// <exception cref="BlockException">A frozen link, or a conflict of permissions; nothing has changed, and the filter is closed.</exception>
    public static async ValueTask InsertAsync(BlockGraph graph, BlockNode filter, BlockNode below)
    {
        using var section = await graph.DrainAsync(below);
        try
        {
            graph.Register(filter);
            Move(graph, below, filter, link => link.Owner != filter && Follows(link));
        }
        catch
        {
            await graph.CloseAsync(filter);
            throw;
        }
    }

    /// <summary>Takes a filter out: all who use it use the node below it from then on. It is closed unless somebody made it by name.</summary>
    public static async ValueTask RemoveAsync(BlockGraph graph, FilterNode filter)
    {
        var below = filter.Filtered;
        using (await graph.DrainAsync(filter))
            Move(graph, filter, below, Follows);

        // Why outside the section: it may have to wait for a target that is slow to answer, and nobody above needs to.
        await graph.CloseIfUnusedAsync(filter);
    }

    /// <summary>Whoever uses <paramref name="from"/> uses <paramref name="to"/> from then on, as far as <paramref name="wanted"/> says.</summary>
    public static async ValueTask ReplaceAsync(BlockGraph graph, BlockNode from, BlockNode to, Func<NodeLink, bool> wanted)
    {
        using var section = await graph.DrainAsync(from, to);
        Move(graph, from, to, wanted);
        await graph.CloseIfUnusedAsync(from);
    }

    /// <summary>Puts an overlay above a node: all who use the node use the overlay from then on, which has the node as its backing node.</summary>
    /// <param name="graph">Where.</param>
    /// <param name="overlay">A node without a backing node, whose driver supports one.</param>
    /// <param name="below">The node.</param>
    /// <returns>The links that were moved, for <see cref="TakeOverlayOffAsync"/>.</returns>
    /// <exception cref="BlockException">A cycle, a frozen link, or a conflict of permissions; nothing has changed.</exception>
    public static async ValueTask<IReadOnlyList<NodeLink>> PutOverlayAsync(BlockGraph graph, BlockNode overlay, BlockNode below)
    {
        using var section = await graph.DrainAsync(overlay, below);
        DemandNoCycle(overlay, below);
        NodeLink[] moved =
        [
            .. below.Parents.Where(l => Follows(l) && !IsBelow(l, overlay)),
        ];
        foreach (var link in moved)
            link.DemandNotFrozen();
        foreach (var link in moved)
            Retarget(link, overlay);
        var backing = overlay.AddChild("backing", LinkRole.Backing, below);
        try
        {
            graph.SolvePermissions();
            return moved;
        }
        catch
        {
            overlay.RemoveChild(backing);
            foreach (var link in moved)
                Retarget(link, below);
            throw;
        }
    }

    /// <summary>Undoes <see cref="PutOverlayAsync"/>, if nothing else has changed since.</summary>
    public static async ValueTask TakeOverlayOffAsync(BlockGraph graph, BlockNode overlay, IReadOnlyList<NodeLink> moved)
    {
        using var section = await graph.DrainAsync(overlay);
        var backing = overlay.BackingLink!;
        overlay.RemoveChild(backing);
        foreach (var link in moved.Where(l => l.Node == overlay))
            Retarget(link, backing.Node);
        graph.SolvePermissions();
    }

    /// <summary>Changes the backing node, in the graph alone; the header is not touched.</summary>
    /// <param name="graph">Where.</param>
    /// <param name="overlay">Whose.</param>
    /// <param name="backing">The new one; null for none.</param>
    public static async ValueTask SetBackingAsync(BlockGraph graph, BlockNode overlay, BlockNode? backing)
    {
        using var section = backing == null ? await graph.DrainAsync(overlay) : await graph.DrainAsync(overlay, backing);
        var old = overlay.BackingLink;
        if (old?.Node == backing)
            return;
        old?.DemandNotFrozen();
        DemandNoCycle(overlay, backing);
        if (old != null)
            overlay.RemoveChild(old);
        var added = backing == null ? null : overlay.AddChild("backing", LinkRole.Backing, backing);
        try
        {
            graph.SolvePermissions();
        }
        catch
        {
            if (added != null)
                overlay.RemoveChild(added);
            if (old != null)
                overlay.Restore(old);
            throw;
        }

        if (old != null)
            await graph.CloseIfUnusedAsync(old.Node);
    }

    /// <summary>Whether <paramref name="below"/> is <paramref name="node"/> or somewhere below it.</summary>
    public static bool Reaches(BlockNode node, BlockNode below) =>
        node == below || node.Children.Any(l => Reaches(l.Node, below));

    /// <summary>Whether a user goes along when another node takes the place of the one it uses.</summary>
    internal static bool Follows(NodeLink link) => link.Owner is not NodeUser { StaysAtNode: true };

    internal static void Move(BlockGraph graph, BlockNode from, BlockNode to, Func<NodeLink, bool> wanted) =>
        Move(graph, [.. from.Parents.Where(l => wanted(l) && !IsBelow(l, to))], to);

    /// <summary>Lets links lead elsewhere, all or none.</summary>
    /// <exception cref="BlockException">A frozen link, or a conflict of permissions.</exception>
    internal static void Move(BlockGraph graph, IReadOnlyList<NodeLink> links, BlockNode to)
    {
        var before = links.Select(l => l.Node).ToArray();
        foreach (var link in links)
            link.DemandNotFrozen();
        foreach (var link in links)
            Retarget(link, to);
        try
        {
            graph.SolvePermissions();
        }
        catch
        {
            for (var i = 0; i < before.Length; i++)
                Retarget(links[i], before[i]);
            throw;
        }
    }

    /// <summary>
    /// Whether a link is that of a node below another one (a backup's target over its source): led there, it would use what it is below of.
    /// </summary>
    internal static bool IsBelow(NodeLink link, BlockNode node) => link.Owner is BlockNode above && Reaches(node, above);

    internal static void Retarget(NodeLink link, BlockNode to)
    {
        link.Node.RemoveParent(link);
        link.Node = to;
        to.AddParent(link);
        (link.Owner as BlockNode)?.LinksChanged();
    }

    internal static void DemandNoCycle(BlockNode overlay, BlockNode? backing)
    {
        if (backing != null && Reaches(backing, overlay))
            throw new BlockException(BlockErrorKind.Invalid, $"Making '{backing.Name}' a backing child of '{overlay.Name}' would create a cycle");
    }
}
