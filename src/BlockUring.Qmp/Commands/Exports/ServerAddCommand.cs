namespace BlockUring.Qmp.Commands.Exports;

/// <summary>nbd-server-add.</summary>
internal sealed class ServerAddCommand()
    : QmpCommand<ServerAddArguments, NoResult>("nbd-server-add", QmpJson.Default.ServerAddArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, ServerAddArguments arguments)
    {
        await context.Exports.AddAsync(arguments);
        return NoResult.Value;
    }
}
