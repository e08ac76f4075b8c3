namespace BlockUring.Qmp.Commands.Exports;

/// <summary>nbd-server-stop.</summary>
internal sealed class ServerStopCommand()
    : QmpCommand<NoArguments, NoResult>("nbd-server-stop", QmpJson.Default.NoArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, NoArguments arguments)
    {
        await context.Exports.StopServerAsync();
        return NoResult.Value;
    }
}
