using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>"copy-on-read".</summary>
internal sealed class CopyOnReadDriver : NodeDriver
{
    public override string Name => "copy-on-read";

    public override async ValueTask<BlockNode> OpenAsync(NodeOpening opening)
    {
        var below = await opening.ChildAsync("file", opening.StorageDefaults());
        var bottom = opening.Take("bottom") is { } name ? FindBottom(opening.Graph, below, name) : null;
        var node = new CopyOnReadNode(opening.Name, opening.Settings, bottom);
        node.AddChild("file", LinkRole.Filtered, below);
        node.FreezeChain();
        return node;
    }

    private static BlockNode FindBottom(BlockGraph graph, BlockNode top, string name)
    {
        var bottom = graph.TryFind(name) ?? throw new BlockException(BlockErrorKind.NotFound, $"Bottom node '{name}' not found");
        if (bottom.IsFilter)
            throw new BlockException(BlockErrorKind.Invalid, $"Bottom node '{name}' is a filter");
        for (BlockNode? node = top; node != bottom; node = CopyOnReadNode.LinkBelow(node)?.Node)
        {
            if (node == null)
                throw new BlockException(BlockErrorKind.Invalid, $"Bottom node '{name}' is not in the backing chain of '{top.Name}'");
        }

        return bottom;
    }
}
