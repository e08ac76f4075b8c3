using BlockUring.Graph;
using BlockUring.Jobs;
using BlockUring.Jobs.Mirror;

namespace BlockUring.Cli.Jobs;

/// <summary>`blockuring mirror`: copies a disk with a mirror job, which is completed as soon as it is ready.</summary>
/// <param name="Source">The file to copy.</param>
/// <param name="Target">The file to write.</param>
internal sealed record MirrorCommand(string Source, string Target) : CopyCommand(Source, Target)
{
    /// <summary>Bytes that one dirty bit stands for; 0 for what suits the target.</summary>
    public long Granularity { get; init; }

    /// <summary>Bytes in flight; 0 for the default.</summary>
    public long BufferLength { get; init; }

    /// <summary>Whether a target that is there already is known to read as zeroes.</summary>
    public bool TargetIsZero { get; init; }

    /// <inheritdoc/>
    protected override async ValueTask<BlockJob> CreateJobAsync(JobSession session, BlockNode source, BlockNode target, bool isNew)
    {
        var request = new MirrorRequest(new JobSettings("mirror") { Speed = Speed }, source, target)
        {
            Sync = Sync,
            Granularity = Granularity,
            BufferLength = BufferLength,
            TargetIsZero = TargetIsZero,
        };
        return await MirrorJob.CreateAsync(session.Graph, session.List, request);
    }
}
