using BlockUring.Graph;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>change-backing-file.</summary>
internal sealed class ChangeBackingFileCommand() : QmpCommand<ChangeBackingFileArguments, NoResult>(
    "change-backing-file", QmpJson.Default.ChangeBackingFileArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, ChangeBackingFileArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var root = context.FindRoot(arguments.Device);
        var node = context.FindNode(arguments.ImageNodeName);
        if (node is not FormatNode image || image.BackingLink == null)
            throw new QmpException("not allowing backing file change on an image without a backing file");
        root.Blockers.Demand(root.Name, NodeOperation.Amend);
        node.Blockers.Demand(node.Name, NodeOperation.Amend);
        if (!IsInChain(root, node))
            throw new QmpException($"'{arguments.Device}' and image file are not in the same chain");
        await BackingName.SetAsync(context.Graph, image, arguments.BackingFile);
        return NoResult.Value;
    }

    private static bool IsInChain(BlockNode root, BlockNode wanted)
    {
        for (var node = root; node != null; node = (node.BackingLink ?? (node.IsFilter ? node.Primary : null))?.Node)
        {
            if (node == wanted)
                return true;
        }

        return false;
    }
}
