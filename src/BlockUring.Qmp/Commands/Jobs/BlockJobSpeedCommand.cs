namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>block-job-set-speed.</summary>
internal sealed class BlockJobSpeedCommand()
    : QmpCommand<BlockJobSpeedArguments, NoResult>("block-job-set-speed", QmpJson.Default.BlockJobSpeedArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, BlockJobSpeedArguments arguments)
    {
        context.FindBlockJob(arguments.Device).SetSpeed(arguments.Speed);
        return new(NoResult.Value);
    }
}
