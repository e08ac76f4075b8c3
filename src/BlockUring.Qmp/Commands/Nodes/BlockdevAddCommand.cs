using System.Text.Json;
using BlockUring.Graph;
using BlockUring.Images;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>blockdev-add.</summary>
internal sealed class BlockdevAddCommand()
    : QmpCommand<JsonElement, NoResult>("blockdev-add", QmpJson.Default.JsonElement, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, JsonElement arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        await GraphOpener.AddAsync(context.Graph, OptionTree.Of(arguments));
        return NoResult.Value;
    }
}
