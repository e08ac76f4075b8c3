using BlockUring.Storage;

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
    public static IEnumerable<FormatNode> OverlaysOf(BlockNode node)
    {
        foreach (var link in node.Parents)
        {
            if (link.Role == LinkRole.Backing && link.Owner is FormatNode overlay)
                yield return overlay;
            if (link.Role != LinkRole.Filtered || link.Owner is not BlockNode above)
                continue;
            foreach (var indirect in OverlaysOf(above))
                yield return indirect;
        }
    }
}
