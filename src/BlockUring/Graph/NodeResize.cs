using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Changes the length of a node's disk while its users are quiet, with its dirty bitmaps.</summary>
public static class NodeResize
{
    /// <summary>The longest disk, in bytes, as in QEMU.</summary>
    public const long MaxLength = long.MaxValue & ~((1L << 30) - 1);

    /// <summary>Changes the length.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="node">The node.</param>
    /// <param name="length">Bytes, 0 or more.</param>
    /// <param name="preallocation">How what is added is reserved.</param>
    /// <exception cref="BlockException">Why not; the length is what it was.</exception>
    public static async ValueTask RunAsync(BlockGraph graph, BlockNode node, long length, PreallocationMode preallocation = PreallocationMode.Off)
    {
        node.Blockers.Demand(node.Name, NodeOperation.Resize);
        var link = graph.Attach(new DiskUser("an unnamed block device"), node, "root", ImagePermissions.Resize, NodeLink.AllPermissions);
        try
        {
            using var section = await graph.DrainAsync(node);
            if (length > MaxLength)
                throw new BlockException(BlockErrorKind.Invalid, $"offset({length}) exceeds maximum({MaxLength})");
            if (node.IsReadOnly)
                throw new BlockException(BlockErrorKind.Access, "Image is read-only");
            await ResizeAsync(node, length, preallocation);
        }
        finally
        {
            graph.Detach(link);
        }
    }

    /// <summary>Changes the length for somebody who has the permission. Nobody may be writing; a disk that grows may be read meanwhile.</summary>
    internal static async ValueTask ResizeAsync(BlockNode node, long length, PreallocationMode preallocation = PreallocationMode.Off)
    {
        await node.ResizeAsync(length, preallocation);
        foreach (var shown in ShownBy(node))
            shown.Bitmaps.Truncate(shown.Length);
    }

    // The node, and those below and above it that show the same disk.
    private static HashSet<BlockNode> ShownBy(BlockNode node)
    {
        var found = new HashSet<BlockNode>();
        Add(node);
        return found;

        void Add(BlockNode one)
        {
            if (!found.Add(one))
                return;
            foreach (var link in one.Parents.Concat(one.Children).Where(l => l.Role == LinkRole.Filtered))
                Add(link.Node == one ? (BlockNode)link.Owner : link.Node);
        }
    }
}
