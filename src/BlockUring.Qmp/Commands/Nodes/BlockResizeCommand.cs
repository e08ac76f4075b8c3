using BlockUring.Graph;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>block_resize.</summary>
internal sealed class BlockResizeCommand()
    : QmpCommand<BlockResizeArguments, NoResult>("block_resize", QmpJson.Default.BlockResizeArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, BlockResizeArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var node = context.FindNode(arguments.NodeName, arguments.Device);
        if (arguments.Size < 0)
            throw new QmpException("Parameter 'size' expects a >0 size");
        await NodeResize.RunAsync(context.Graph, node, arguments.Size);
        return NoResult.Value;
    }
}
