namespace BlockUring.Qmp.Commands.Exports;

/// <summary>nbd-server-remove.</summary>
internal sealed class ServerRemoveCommand()
    : QmpCommand<ServerRemoveArguments, NoResult>("nbd-server-remove", QmpJson.Default.ServerRemoveArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, ServerRemoveArguments arguments)
    {
        context.Exports.Remove(arguments.Name, ExportCommands.ModeOf(arguments.Mode));
        return new(NoResult.Value);
    }
}
