using BlockUring.Storage;

namespace BlockUring.Jobs;

/// <summary>All jobs of one thread, and the way by which they tell what happens to them.</summary>
/// <remarks>
/// Events are told at once, in the middle of what makes them: whoever takes them only notes them down. A verb that ends a job posts the end to
/// the scheduler; who answers the verb from a later post of its own answers after the events, as QEMU does.
/// </remarks>
public sealed class JobList(Action<JobEvent> sink)
{
    private readonly List<Job> jobs = [];

    /// <summary>The jobs, the newest first.</summary>
    public IReadOnlyList<Job> All => jobs;

    /// <summary>Makes a new job known, with status created. It is to be started, cancelled or discarded.</summary>
    /// <param name="job">Any job, once.</param>
    /// <param name="transaction">The jobs with which it ends; null for none.</param>
    /// <exception cref="BlockException">Its ID is malformed or in use, or its settings are wrong.</exception>
    public void Add(Job job, JobTransaction? transaction = null)
    {
        if (!IsWellFormed(job.Id))
            throw new BlockException(BlockErrorKind.Invalid, $"Invalid job ID '{job.Id}'");
        if (jobs.Exists(j => j.Id == job.Id))
            throw new BlockException(BlockErrorKind.Invalid, $"Job ID '{job.Id}' already in use");
        jobs.Insert(0, job);
        job.Attach(this, transaction ?? new JobTransaction());
        try
        {
            job.DemandSettings();
        }
        catch (BlockException)
        {
            job.Discard();
            throw;
        }
    }

    /// <summary>The job with this ID, for the job-* commands.</summary>
    /// <exception cref="BlockException">There is none.</exception>
    public Job Find(string id) =>
        jobs.Find(j => j.Id == id) ?? throw new BlockException(BlockErrorKind.Invalid, "Job not found");

    /// <summary>The block job with this ID, for the block-job-* commands.</summary>
    /// <exception cref="BlockException">There is none: <see cref="BlockErrorKind.NotActive"/>.</exception>
    public BlockJob FindBlockJob(string device) =>
        jobs.Find(j => j.Id == device) as BlockJob ??
        throw new BlockException(BlockErrorKind.NotActive, $"Block job '{device}' not found");

    /// <summary>What query-jobs tells.</summary>
    public IReadOnlyList<JobInfo> Describe() => jobs.ConvertAll(j => j.Describe());

    /// <summary>What query-block-jobs tells.</summary>
    public IReadOnlyList<BlockJobInfo> DescribeBlockJobs() => [.. jobs.OfType<BlockJob>().Select(j => j.DescribeBlockJob())];

    /// <summary>Force-cancels all jobs, one after the other, and forgets them. Not inside a drain, which holds their ends back.</summary>
    public async ValueTask CancelAllAsync()
    {
        while (jobs.Count > 0)
            await CancelAsync(jobs[0]);
    }

    internal void Remove(Job job) => jobs.Remove(job);

    internal void Emit(JobEvent happened) => sink(happened);

    private static async ValueTask CancelAsync(Job job)
    {
        if (job is { Transaction.IsEnding: false, Status: not JobStatus.Concluded })
            await job.CancelNowAsync(force: true);
        if (job.Status != JobStatus.Null)
            await job.Concluded;
        if (job.Status == JobStatus.Concluded)
            job.Dismiss();
    }

    // Why: IDs stand in commands and paths beside others; QEMU's rule for all its names.
    private static bool IsWellFormed(string id) =>
        id.Length > 0 && char.IsAsciiLetter(id[0]) && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_');
}
