namespace BlockUring.Qmp.Commands.Exports;

/// <summary>block-export-del.</summary>
internal sealed class ExportRemoveCommand()
    : QmpCommand<ExportRemoveArguments, NoResult>("block-export-del", QmpJson.Default.ExportRemoveArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, ExportRemoveArguments arguments)
    {
        context.Exports.Remove(arguments.Id, ExportCommands.ModeOf(arguments.Mode));
        return new(NoResult.Value);
    }
}
