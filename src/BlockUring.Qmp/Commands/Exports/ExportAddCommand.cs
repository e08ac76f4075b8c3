using System.Text.Json;

namespace BlockUring.Qmp.Commands.Exports;

/// <summary>block-export-add.</summary>
internal sealed class ExportAddCommand()
    : QmpCommand<JsonElement, NoResult>("block-export-add", QmpJson.Default.JsonElement, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, JsonElement arguments)
    {
        await context.Exports.AddAsync(arguments);
        return NoResult.Value;
    }
}
