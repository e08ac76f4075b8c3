using BlockUring.Graph;
using BlockUring.Images;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>blockdev-reopen.</summary>
internal sealed class BlockdevReopenCommand()
    : QmpCommand<BlockdevReopenArguments, NoResult>("blockdev-reopen", QmpJson.Default.BlockdevReopenArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, BlockdevReopenArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        await GraphReopener.ReopenAsync(context.Graph, [.. arguments.Options.Select(OptionTree.Of)]);
        return NoResult.Value;
    }
}
