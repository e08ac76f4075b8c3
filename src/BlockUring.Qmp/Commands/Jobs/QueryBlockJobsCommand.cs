namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>query-block-jobs.</summary>
internal sealed class QueryBlockJobsCommand() : QmpCommand<NoArguments, IReadOnlyList<BlockJobResult>>(
    "query-block-jobs", QmpJson.Default.NoArguments, QmpJson.Default.IReadOnlyListBlockJobResult)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<BlockJobResult>> RunAsync(MonitorContext context, NoArguments arguments) =>
        new([.. context.Jobs.DescribeBlockJobs().Select(BlockJobResult.Of)]);
}
