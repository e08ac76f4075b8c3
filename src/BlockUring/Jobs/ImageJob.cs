using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Jobs;

/// <summary>Makes or changes an image, in one step. Has no events of its own; whoever started it dismisses it.</summary>
public sealed class ImageJob : Job
{
    private readonly Func<ValueTask> work;

    /// <summary>Makes a job that nobody knows yet: <see cref="JobList.Add"/> is next.</summary>
    /// <param name="scheduler">The thread on which it and its users run.</param>
    /// <param name="type">Create or amend.</param>
    /// <param name="id">Names the job.</param>
    /// <param name="work">The step; a <see cref="BlockException"/> is the job's failure.</param>
    public ImageJob(Scheduler scheduler, JobType type, string id, Func<ValueTask> work)
        : base(scheduler, type, new JobSettings(id) { AutoDismiss = false })
    {
        this.work = work;
        Progress.SetRemaining(1);
    }

    /// <inheritdoc/>
    protected override async ValueTask RunAsync()
    {
        await EnterAsync();
        try
        {
            await work();
        }
        finally
        {
            Progress.Advance(1);
            Exit();
        }
    }

    /// <inheritdoc/>
    protected override string Explain(BlockException e) => e.Message;
}
