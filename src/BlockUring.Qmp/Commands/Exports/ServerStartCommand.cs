using BlockUring.Qmp.Exports;

namespace BlockUring.Qmp.Commands.Exports;

/// <summary>nbd-server-start.</summary>
internal sealed class ServerStartCommand()
    : QmpCommand<ServerStartArguments, NoResult>("nbd-server-start", QmpJson.Default.ServerStartArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, ServerStartArguments arguments)
    {
        context.Exports.StartServer(
            NbdServerSettings.OfCommand(arguments.Addr, arguments.TlsCreds, arguments.TlsAuthz, arguments.MaxConnections ?? 0));
        return new(NoResult.Value);
    }
}
