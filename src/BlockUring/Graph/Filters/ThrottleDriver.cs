using BlockUring.Graph.Throttling;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>"throttle".</summary>
internal sealed class ThrottleDriver : NodeDriver
{
    public override string Name => "throttle";

    public static ThrottleGroup FindGroup(BlockGraph graph, string name) =>
        graph.FindObject?.Invoke("throttle-group", name) as ThrottleGroup
            ?? throw new BlockException(BlockErrorKind.NotFound, $"Throttle group '{name}' does not exist");

    public override async ValueTask<BlockNode> OpenAsync(NodeOpening opening)
    {
        var below = await opening.ChildAsync("file", opening.StorageDefaults());
        var name = opening.Take("throttle-group") ?? throw new BlockException(BlockErrorKind.Invalid, "Please specify a throttle group");
        var node = new ThrottleNode(opening.Name, opening.Settings, FindGroup(opening.Graph, name));
        node.AddChild("file", LinkRole.Filtered, below);
        return node;
    }
}
