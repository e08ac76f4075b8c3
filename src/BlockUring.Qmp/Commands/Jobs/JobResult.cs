using BlockUring.Jobs;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>What query-jobs answers of a job ("JobInfo").</summary>
internal sealed record JobResult(string Id, string Type, string Status, long CurrentProgress, long TotalProgress, string? Error)
{
    public static JobResult Of(JobInfo job) =>
        new(job.Id, job.Type.Name(), job.Status.Name(), job.CurrentProgress, job.TotalProgress, job.Error);
}
