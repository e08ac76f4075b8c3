using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>"snapshot-access".</summary>
internal sealed class SnapshotAccessDriver : NodeDriver
{
    public override string Name => "snapshot-access";

    public override async ValueTask<BlockNode> OpenAsync(NodeOpening opening)
    {
        var below = await opening.ChildAsync("file", opening.StorageDefaults());
        if (below is not CopyBeforeWriteNode)
            throw new BlockException(BlockErrorKind.Unsupported, $"Node '{below.Name}' gives no access to a snapshot: it is no copy-before-write filter");
        var node = new SnapshotAccessNode(opening.Name, opening.Settings);
        node.AddChild("file", LinkRole.Storage, below);
        return node;
    }
}
