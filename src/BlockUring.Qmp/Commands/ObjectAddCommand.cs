using System.Text.Json;

namespace BlockUring.Qmp.Commands;

/// <summary>object-add.</summary>
internal sealed class ObjectAddCommand() : QmpCommand<JsonElement, NoResult>("object-add", QmpJson.Default.JsonElement, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, JsonElement arguments)
    {
        await context.Objects.AddAsync(context, arguments);
        return NoResult.Value;
    }
}
