using BlockUring.Bitmaps;
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
        var (sync, mode) = (SyncOf(arguments.Sync), ModeOf(arguments.BitmapMode));
        var bitmap = FindBitmap(arguments, source, sync, ref mode);
        // Why: the default is the name of a device, of which there are none here.
        var settings = JobText.Settings(arguments.JobId ?? "", arguments.Speed, arguments.AutoFinalize, arguments.AutoDismiss);
        return new BackupRequest(settings, source, target)
        {
            Sync = sync,
            Bitmap = bitmap,
            BitmapMode = mode ?? BitmapMode.OnSuccess,
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

    private static DirtyBitmap? FindBitmap(BackupArguments arguments, BlockNode source, BackupSync sync, ref BitmapMode? mode)
    {
        var name = arguments.Bitmap;
        if (sync is BackupSync.Bitmap or BackupSync.Incremental && name == null)
            throw new QmpException($"must provide a valid bitmap name for '{arguments.Sync}' sync mode");
        if (sync == BackupSync.Incremental)
        {
            if (mode is not (null or BitmapMode.OnSuccess))
                throw new QmpException("Bitmap sync mode must be 'on-success' when using sync mode 'incremental'");
            mode = BitmapMode.OnSuccess;
        }

        if (name == null)
            return mode == null ? null : throw new QmpException("Cannot specify bitmap sync mode without a bitmap");
        var bitmap = source.Bitmaps.Find(name) ?? throw new QmpException($"Bitmap '{name}' could not be found");
        if (mode == null)
            throw new QmpException("Bitmap sync mode must be given when providing a bitmap");
        bitmap.Demand(BitmapDemands.Readable);
        if (sync == BackupSync.None)
            throw new QmpException("sync mode 'none' does not produce meaningful bitmap outputs");
        if (mode == BitmapMode.Never && sync is BackupSync.Full or BackupSync.Top)
            throw new QmpException($"Bitmap sync mode 'never' has no meaningful effect when combined with sync mode '{arguments.Sync}'");
        return bitmap;
    }

    private static BackupSync SyncOf(string name) => name switch
    {
        "full" => BackupSync.Full,
        "top" => BackupSync.Top,
        "none" => BackupSync.None,
        "incremental" => BackupSync.Incremental,
        _ => BackupSync.Bitmap,
    };

    private static BitmapMode? ModeOf(string? name) => name switch
    {
        null => null,
        "on-success" => BitmapMode.OnSuccess,
        "never" => BitmapMode.Never,
        _ => BitmapMode.Always,
    };

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
