using BlockUring.Cli.Img;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Jobs.Backup;

namespace BlockUring.Cli.Jobs;

/// <summary>`blockuring backup`: copies a disk with a backup job.</summary>
/// <param name="Source">The file to copy.</param>
/// <param name="Target">The file to write.</param>
internal sealed record BackupCommand(string Source, string Target) : CopyCommand(Source, Target)
{
    /// <summary>Whether clusters are compressed.</summary>
    public bool IsCompressed { get; init; }

    /// <inheritdoc/>
    protected override void DemandFormat(ImageDriver driver)
    {
        if (IsCompressed && !driver.CanCompress)
            throw new CommandFailure("Compression not supported for this file format");
    }

    /// <inheritdoc/>
    protected override async ValueTask<BlockJob> CreateJobAsync(JobSession session, BlockNode source, BlockNode target, bool isNew)
    {
        var request = new BackupRequest(new JobSettings("backup") { Speed = Speed }, source, target) { Sync = Sync, Compress = IsCompressed };
        return await BackupJob.CreateAsync(session.Graph, session.List, request);
    }
}
