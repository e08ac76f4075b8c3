using BlockUring.Graph;
using BlockUring.Jobs.Backup;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Makes a request for a backup out of a command's arguments, with QEMU's words for what does not go together.</summary>
internal static class BackupText
{
    /// <summary>The request.</summary>
    /// <exception cref="QmpException">What does not go together.</exception>
    public static BackupRequest Parse(BackupArguments arguments, BlockNode source, BlockNode target)
    {
        var sync = SyncText.Sync(arguments.Sync);
        var bitmap = SyncText.FindBitmap(arguments.Sync, arguments.Bitmap, arguments.BitmapMode, source, out var mode);
        // Why: the default is the name of a device, of which there are none here.
        var settings = JobText.Settings(arguments.JobId ?? "", arguments.Speed, arguments.AutoFinalize, arguments.AutoDismiss);
        return new BackupRequest(settings, source, target)
        {
            Sync = sync,
            Bitmap = bitmap,
            BitmapMode = mode,
            Compress = arguments.Compress ?? false,
            OnSourceError = JobText.Policy(arguments.OnSourceError),
            OnTargetError = JobText.Policy(arguments.OnTargetError),
            BreaksSnapshot = arguments.OnCbwError == "break-snapshot",
            FilterName = arguments.FilterNodeName,
            DiscardSource = arguments.DiscardSource ?? false,
            MaxWorkers = WorkersOf(arguments.XPerf),
            MaxChunk = ChunkOf(arguments.XPerf),
            MinClusterLength = (long)Math.Min(arguments.XPerf?.MinClusterSize ?? 0, long.MaxValue),
        };
    }

    private static int WorkersOf(BackupPerfArguments? perf)
    {
        if (perf?.MaxWorkers is not { } count)
            return BackupRequest.DefaultWorkers;
        if (count is < 1 or > int.MaxValue)
            throw new QmpException($"max-workers must be between 1 and {int.MaxValue}");
        return (int)Math.Min(count, BackupRequest.MaxWorkerCount);
    }

    private static long ChunkOf(BackupPerfArguments? perf)
    {
        if (perf?.MaxChunk is not { } length)
            return 0;
        return length >= 0 ? length : throw new QmpException("max-chunk must be zero (which means no limit) or positive");
    }
}
