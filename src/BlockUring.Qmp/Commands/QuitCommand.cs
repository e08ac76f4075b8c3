namespace BlockUring.Qmp.Commands;

/// <summary>quit.</summary>
internal sealed class QuitCommand() : QmpCommand<NoArguments, NoResult>("quit", QmpJson.Default.NoArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, NoArguments arguments)
    {
        context.Quit();
        return new(NoResult.Value);
    }
}
