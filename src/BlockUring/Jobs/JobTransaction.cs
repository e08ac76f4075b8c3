namespace BlockUring.Jobs;

/// <summary>
/// Jobs that end together: their results become final when all have done their work, and none does if one fails. Every job is in one, most of
/// them alone.
/// </summary>
/// <remarks>Jobs are gone through in the order of <see cref="JobList"/>: the newest first.</remarks>
public sealed class JobTransaction
{
    private readonly List<Job> jobs = [];

    /// <summary>Whether its end has begun, one way or the other: nobody changes its mind any more.</summary>
    internal bool IsEnding { get; private set; }

    internal void Add(Job job) => jobs.Insert(0, job);

    internal void Remove(Job job) => jobs.Remove(job);

    /// <summary>A job has done its work.</summary>
    internal async ValueTask SucceedAsync()
    {
        if (IsEnding || jobs.Exists(j => !j.HasEnded))
            return;
        foreach (var each in jobs.ToArray())
            each.BecomePending();
        if (jobs.TrueForAll(j => j.Settings.AutoFinalize))
            await FinalizeAsync();
    }

    /// <summary>Makes all results final, or none. All jobs are pending.</summary>
    internal async ValueTask FinalizeAsync()
    {
        IsEnding = true;
        var all = jobs.ToArray();
        foreach (var job in all)
        {
            if (await job.TryPrepareAsync())
                continue;
            await AbandonAsync(job);
            return;
        }

        foreach (var job in all)
            await job.ConcludeAsync();
    }

    /// <summary>
    /// Ends all jobs without their results, because one has failed or was cancelled. The task ends when all are concluded, or at once where
    /// somebody else does it already.
    /// </summary>
    /// <param name="cause">That one.</param>
    internal async ValueTask AbortAsync(Job cause)
    {
        if (IsEnding)
            return;
        IsEnding = true;
        await AbandonAsync(cause);
    }

    private async ValueTask AbandonAsync(Job cause)
    {
        var all = jobs.ToArray();
        foreach (var job in all)
        {
            if (job != cause)
                job.RequestCancel(force: true);
        }

        foreach (var job in all)
        {
            if (job is { HasEnded: false, IsStarted: true })
                await job.Ended;
            await job.ConcludeAsync();
        }
    }
}
