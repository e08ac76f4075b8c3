namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>query-jobs.</summary>
internal sealed class QueryJobsCommand()
    : QmpCommand<NoArguments, IReadOnlyList<JobResult>>("query-jobs", QmpJson.Default.NoArguments, QmpJson.Default.IReadOnlyListJobResult)
{
    /// <inheritdoc/>
    protected override ValueTask<IReadOnlyList<JobResult>> RunAsync(MonitorContext context, NoArguments arguments) =>
        new([.. context.Jobs.Describe().Select(JobResult.Of)]);
}
