namespace BlockUring.Graph;

/// <summary>The chain of layers below a node, filters among them, and who stands on them.</summary>
public static class NodeChain
{
    /// <summary>The link that leads down the chain: to what a filter shows, or to the backing node; null at the end.</summary>
    public static NodeLink? LinkBelow(BlockNode node) => node.IsFilter ? node.Primary : node.BackingLink;

    /// <summary>The node, then those below it.</summary>
    public static IEnumerable<BlockNode> From(BlockNode node)
    {
        for (BlockNode? next = node; next != null; next = LinkBelow(next)?.Node)
            yield return next;
    }

    /// <summary>Whether <paramref name="node"/> is <paramref name="top"/>, or in the chain below it.</summary>
    public static bool Contains(BlockNode top, BlockNode node) => From(top).Contains(node);

    /// <summary>The node, or for a filter the first below it that is none.</summary>
    public static BlockNode SkipFilters(BlockNode node) => From(node).First(n => !n.IsFilter || LinkBelow(n) == null);

    /// <summary>The last node of the chain.</summary>
    public static BlockNode Bottom(BlockNode node) => From(node).Last();

    /// <summary>The nodes from <paramref name="top"/> on that are above <paramref name="bottom"/>, which is in the chain.</summary>
    public static IReadOnlyList<BlockNode> Above(BlockNode bottom, BlockNode top) => [.. From(top).TakeWhile(n => n != bottom)];

    /// <summary>The images that have a node as their backing node, filters that show it notwithstanding.</summary>
    public static IEnumerable<FormatNode> OverlaysOf(BlockNode node) => OverlayLinksOf(node).Select(l => (FormatNode)l.Owner);

    /// <summary>The backing links of <see cref="OverlaysOf"/>.</summary>
    public static IEnumerable<NodeLink> OverlayLinksOf(BlockNode node)
    {
        foreach (var link in node.Parents)
        {
            if (link.Role == LinkRole.Backing && link.Owner is FormatNode)
                yield return link;
            if (link.Role != LinkRole.Filtered || link.Owner is not BlockNode above)
                continue;
            foreach (var indirect in OverlayLinksOf(above))
                yield return indirect;
        }
    }

    /// <summary>The node at which all arrives that is written to a disk: below its filters, and below raw images, which hold nothing themselves.</summary>
    public static BlockNode Storage(BlockNode node)
    {
        while (node.Find(LinkRole.Filtered) is { } link)
            node = link.Node;
        return node;
    }
}
