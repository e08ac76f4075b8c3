namespace BlockUring.Jobs;

/// <summary>Something that happened to a job, with everything that is told of it. <see cref="JobId"/> is "id" or "device" on the wire.</summary>
/// <param name="JobId">Whose.</param>
public abstract record JobEvent(string JobId)
{
    /// <summary>JOB_STATUS_CHANGE.</summary>
    public sealed record StatusChange(string JobId, JobStatus Status) : JobEvent(JobId);

    /// <summary>BLOCK_JOB_READY: <paramref name="Length"/> and <paramref name="Offset"/> are the progress's total and current.</summary>
    public sealed record Ready(string JobId, JobType Type, long Length, long Offset, long Speed) : JobEvent(JobId);

    /// <summary>BLOCK_JOB_PENDING.</summary>
    public sealed record Pending(string JobId, JobType Type) : JobEvent(JobId);

    /// <summary>BLOCK_JOB_COMPLETED; <paramref name="Error"/> is null for success.</summary>
    public sealed record Completed(string JobId, JobType Type, long Length, long Offset, long Speed, string? Error) : JobEvent(JobId);

    /// <summary>BLOCK_JOB_CANCELLED.</summary>
    public sealed record Cancelled(string JobId, JobType Type, long Length, long Offset, long Speed) : JobEvent(JobId);

    /// <summary>BLOCK_JOB_ERROR.</summary>
    public sealed record IoError(string JobId, bool IsRead, JobErrorAction Action) : JobEvent(JobId);
}
