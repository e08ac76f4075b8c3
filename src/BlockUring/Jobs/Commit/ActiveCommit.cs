using BlockUring.Graph;
using BlockUring.Jobs.Mirror;
using BlockUring.Storage;

namespace BlockUring.Jobs.Commit;

/// <summary>Makes the job for a commit whose top is written to meanwhile: a mirror of the top onto the base.</summary>
public static class ActiveCommit
{
    /// <summary>Makes a job that is known and not started.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="jobs">Where it will be known.</param>
    /// <param name="request">What is wanted; <see cref="CommitRequest.IsActive"/>.</param>
    /// <exception cref="BlockException">Why not; everything is as before.</exception>
    public static async ValueTask<Job> CreateAsync(BlockGraph graph, JobList jobs, CommitRequest request)
    {
        CommitDemands.Check(request);
        return await MirrorJob.CreateActiveCommitAsync(graph, jobs, new MirrorRequest(request.Settings, request.Top, request.Base)
        {
            OnSourceError = request.OnError,
            OnTargetError = request.OnError,
            FilterName = request.FilterName,
            Protection = request.Protection,
        });
    }
}
