using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Jobs.Stream;

/// <summary>The part of a chain that a stream works on.</summary>
/// <remarks>
/// <code>
/// Top → … filters … → Overlay → … → Bottom → … filters … (AboveBase) → base
/// </code>
/// What the layers below the overlay hold, down to the bottom, comes into the overlay, which then has the base for its backing node. Filters
/// between the bottom and a base that was named go with the layers; the base is whatever is below <see cref="AboveBase"/> at the end.
/// </remarks>
internal sealed class StreamChain
{
    private StreamChain(BlockNode top, BlockNode overlay, BlockNode bottom, BlockNode aboveBase)
    {
        (Top, Overlay, Bottom, AboveBase) = (top, overlay, bottom, aboveBase);
        Upper = Path(top, overlay);
        Lower = Path(overlay, aboveBase)[1..];
    }

    /// <summary>The node that was named.</summary>
    public BlockNode Top { get; }

    /// <summary>It, or the layer that it shows if it is a filter: the one that is filled.</summary>
    public BlockNode Overlay { get; }

    /// <summary>The last layer whose data is taken.</summary>
    public BlockNode Bottom { get; }

    /// <summary>The last node that goes.</summary>
    public BlockNode AboveBase { get; }

    /// <summary>From the top to the overlay.</summary>
    public IReadOnlyList<BlockNode> Upper { get; }

    /// <summary>Those that will not be below the overlay any more.</summary>
    public IReadOnlyList<BlockNode> Lower { get; }

    /// <summary>Whether there is nothing to take.</summary>
    public bool IsEmpty => Overlay == Bottom;

    /// <summary>What is below <see cref="AboveBase"/> now; null for nothing.</summary>
    public BlockNode? Base => NodeChain.LinkBelow(AboveBase)?.Node;

    /// <summary>Finds the part.</summary>
    /// <exception cref="BlockException">It is not there.</exception>
    public static StreamChain Of(StreamRequest request)
    {
        var overlay = NodeChain.SkipFilters(request.Top);
        var bottom = request.Bottom ?? FindOverlay(overlay, request.Base);
        if (bottom == null || (request.Base != null && !NodeChain.Contains(overlay, request.Base)))
            throw Invalid($"'{request.Base!.Name}' is not in the backing chain of '{request.Top.Name}'");
        if (!NodeChain.Contains(overlay, bottom))
            throw Invalid($"Node '{bottom.Name}' is not in a chain starting from '{request.Top.Name}'");
        var aboveBase = bottom;
        while (request.Base != null && NodeChain.LinkBelow(aboveBase)!.Node != request.Base)
            aboveBase = NodeChain.LinkBelow(aboveBase)!.Node;
        return new(request.Top, overlay, bottom, aboveBase);
    }

    // The layer right above the base; without a base the last one.
    private static BlockNode? FindOverlay(BlockNode overlay, BlockNode? below)
    {
        var wanted = below == null ? null : NodeChain.SkipFilters(below);
        for (var node = overlay; ; node = NodeChain.SkipFilters(node.BackingLink.Node))
        {
            if (node.BackingLink == null)
                return wanted == null ? node : null;
            if (NodeChain.SkipFilters(node.BackingLink.Node) == wanted)
                return node;
        }
    }

    private static List<BlockNode> Path(BlockNode from, BlockNode to) => [.. NodeChain.Above(to, from), to];

    private static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message);
}
