namespace BlockUring.Jobs;

/// <summary>What query-jobs tells of a job.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Type">What it does.</param>
/// <param name="Status">Where it is.</param>
/// <param name="CurrentProgress">Work done, in a unit of the job's own.</param>
/// <param name="TotalProgress">Work done and to do.</param>
/// <param name="Error">Why it failed; null if it has not.</param>
public sealed record JobInfo(string Id, JobType Type, JobStatus Status, long CurrentProgress, long TotalProgress, string? Error);
