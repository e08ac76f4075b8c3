using BlockUring.Jobs;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>block-job-finalize and block-job-dismiss, which call the job "id".</summary>
internal sealed class BlockJobEndCommand(string name, Func<BlockJob, ValueTask> verb)
    : QmpCommand<JobArguments, NoResult>(name, QmpJson.Default.JobArguments, QmpJson.Default.NoResult)
{
    /// <summary>Both.</summary>
    public static IEnumerable<QmpCommand> All { get; } =
    [
        new BlockJobEndCommand("block-job-finalize", j => j.FinalizeAsync()),
        new BlockJobEndCommand("block-job-dismiss", j => JobVerbCommand.Now(j.Dismiss)),
    ];

    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, JobArguments arguments)
    {
        await verb(context.FindBlockJob(arguments.Id));
        return NoResult.Value;
    }
}
