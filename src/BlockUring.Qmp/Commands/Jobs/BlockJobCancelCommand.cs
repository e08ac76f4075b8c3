namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>block-job-cancel.</summary>
internal sealed class BlockJobCancelCommand()
    : QmpCommand<BlockJobCancelArguments, NoResult>("block-job-cancel", QmpJson.Default.BlockJobCancelArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, BlockJobCancelArguments arguments)
    {
        await context.FindBlockJob(arguments.Device).CancelAsync(arguments.Force ?? false);
        return NoResult.Value;
    }
}
