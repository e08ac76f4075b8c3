namespace BlockUring.Qmp.Commands;

/// <summary>human-monitor-command.</summary>
internal sealed class HumanMonitorCommand()
    : QmpCommand<HumanMonitorArguments, string>("human-monitor-command", QmpJson.Default.HumanMonitorArguments, QmpJson.Default.String)
{
    /// <inheritdoc/>
    protected override ValueTask<string> RunAsync(MonitorContext context, HumanMonitorArguments arguments) =>
        context.HumanMonitor.RunAsync(arguments.CommandLine);
}
