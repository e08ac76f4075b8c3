namespace BlockUring.Graph.Filters;

/// <summary>"snapshot-access".</summary>
internal sealed class SnapshotAccessDriver : NodeDriver
{
    public override string Name => "snapshot-access";

    public override async ValueTask<BlockNode> OpenAsync(NodeOpening opening)
    {
        var below = await opening.ChildAsync("file", opening.StorageDefaults());
        var node = new SnapshotAccessNode(opening.Name, opening.Settings);
        node.AddChild("file", LinkRole.Storage, below);
        return node;
    }
}
