using BlockUring.Graph;
using BlockUring.Images;
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
public sealed class StreamChain
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
    public BlockNode? Base => Below(AboveBase);

    /// <summary>Finds the part.</summary>
    /// <exception cref="BlockException">It is not there.</exception>
    public static StreamChain Of(StreamRequest request)
    {
        var overlay = Layer(request.Top);
        var bottom = request.Bottom ?? FindOverlay(overlay, request.Base);
        if (bottom == null)
            throw Invalid($"'{request.Base!.Name}' is not in the backing chain of '{request.Top.Name}'");
        if (!Contains(overlay, bottom))
            throw Invalid($"Node '{bottom.Name}' is not in a chain starting from '{request.Top.Name}'");
        var aboveBase = bottom;
        while (request.Base != null && Below(aboveBase) != request.Base)
            aboveBase = Below(aboveBase)!;
        return new(request.Top, overlay, bottom, aboveBase);
    }

    /// <summary>The layer below another one that a file name means.</summary>
    /// <param name="host">Knows which names mean the same file.</param>
    /// <param name="top">The node at whose chain to look.</param>
    /// <param name="file">As the backing node or the header above it has it; a relative name counts from there, too.</param>
    /// <exception cref="BlockException">There is none.</exception>
    public static BlockNode FindBase(FileHost host, BlockNode top, string file)
    {
        for (var overlay = Layer(top); overlay.BackingLink is { } link;)
        {
            var below = Layer(link.Node);
            var stored = (overlay as FormatNode)?.Image.Format.BackingFileName;
            if (file == below.FileName || file == stored || host.AreSame(ImagePath.Combine(overlay.FileName, file), below.FileName))
                return below;
            overlay = below;
        }

        throw Invalid($"Can't find '{file}' in the backing chain");
    }

    /// <summary>Whether a node is the top or below it, along the chain.</summary>
    public static bool Contains(BlockNode top, BlockNode wanted)
    {
        for (var node = top; node != null; node = Below(node))
        {
            if (node == wanted)
                return true;
        }

        return false;
    }

    /// <summary>The node that a filter shows, or that an overlay is put over; null at the end of the chain.</summary>
    public static BlockNode? Below(BlockNode node) => (node.IsFilter ? node.Primary : node.BackingLink)?.Node;

    /// <summary>The node itself, or the first below it that is no filter.</summary>
    public static BlockNode Layer(BlockNode node)
    {
        while (node is { IsFilter: true, Primary: { } primary })
            node = primary.Node;
        return node;
    }

    // The layer right above the base; without a base the last one.
    private static BlockNode? FindOverlay(BlockNode overlay, BlockNode? below)
    {
        var wanted = below == null ? null : Layer(below);
        for (var node = overlay; ; node = Layer(node.BackingLink.Node))
        {
            if (node.BackingLink == null)
                return wanted == null ? node : null;
            if (Layer(node.BackingLink.Node) == wanted)
                return node;
        }
    }

    private static List<BlockNode> Path(BlockNode from, BlockNode to)
    {
        var path = new List<BlockNode> { from };
        while (path[^1] != to)
            path.Add(Below(path[^1])!);
        return path;
    }

    private static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message);
}
