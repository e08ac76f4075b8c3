using BlockUring.Graph;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>blockdev-del.</summary>
internal sealed class BlockdevDelCommand()
    : QmpCommand<NodeNameArguments, NoResult>("blockdev-del", QmpJson.Default.NodeNameArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, NodeNameArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        await GraphOpener.DeleteAsync(context.Graph, arguments.NodeName);
        return NoResult.Value;
    }
}
