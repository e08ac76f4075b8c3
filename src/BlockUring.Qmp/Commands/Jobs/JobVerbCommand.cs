using BlockUring.Jobs;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>job-pause and the like: one verb on one job.</summary>
internal sealed class JobVerbCommand(string name, Func<Job, ValueTask> verb)
    : QmpCommand<JobArguments, NoResult>(name, QmpJson.Default.JobArguments, QmpJson.Default.NoResult)
{
    /// <summary>All of them.</summary>
    public static IEnumerable<QmpCommand> All { get; } =
    [
        new JobVerbCommand("job-pause", j => Now(j.Pause)),
        new JobVerbCommand("job-resume", j => Now(j.Resume)),
        new JobVerbCommand("job-cancel", j => j.CancelAsync(force: true)),
        new JobVerbCommand("job-complete", j => j.CompleteAsync()),
        new JobVerbCommand("job-finalize", j => j.FinalizeAsync()),
        new JobVerbCommand("job-dismiss", j => Now(j.Dismiss)),
    ];

    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, JobArguments arguments)
    {
        await verb(context.Jobs.Find(arguments.Id));
        return NoResult.Value;
    }

    internal static ValueTask Now(Action act)
    {
        act();
        return ValueTask.CompletedTask;
    }
}
