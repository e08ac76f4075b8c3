using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Jobs.Backup;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>What is copied, and what becomes of the bitmap that says so, from text, with QEMU's words for what does not go together.</summary>
internal static class SyncText
{
    /// <summary>A sync mode by its name in the definition.</summary>
    public static BackupSync Sync(string name) => name switch
    {
        "full" => BackupSync.Full,
        "top" => BackupSync.Top,
        "none" => BackupSync.None,
        "incremental" => BackupSync.Incremental,
        _ => BackupSync.Bitmap,
    };

    /// <summary>The bitmap that a job works by.</summary>
    /// <param name="syncName">The sync mode by its name in the definition.</param>
    /// <param name="name">The bitmap; null for none.</param>
    /// <param name="modeName">What becomes of it, by its name; null where that is not said.</param>
    /// <param name="source">Whose.</param>
    /// <param name="mode">What becomes of it.</param>
    /// <returns>Null for none.</returns>
    /// <exception cref="QmpException">What does not go together.</exception>
    public static DirtyBitmap? FindBitmap(string syncName, string? name, string? modeName, BlockNode source, out BitmapMode mode)
    {
        var (sync, given) = (Sync(syncName), Mode(modeName));
        mode = given ?? BitmapMode.OnSuccess;
        if (sync is BackupSync.Bitmap or BackupSync.Incremental && name == null)
            throw new QmpException($"must provide a valid bitmap name for '{syncName}' sync mode");
        if (sync == BackupSync.Incremental)
        {
            if (given is not (null or BitmapMode.OnSuccess))
                throw new QmpException("Bitmap sync mode must be 'on-success' when using sync mode 'incremental'");
            given = BitmapMode.OnSuccess;
        }

        if (name == null)
            return given == null ? null : throw new QmpException("Cannot specify bitmap sync mode without a bitmap");
        var bitmap = source.Bitmaps.Find(name) ?? throw new QmpException($"Bitmap '{name}' could not be found");
        if (given == null)
            throw new QmpException("Bitmap sync mode must be given when providing a bitmap");
        bitmap.Demand(BitmapDemands.Readable);
        if (sync == BackupSync.None)
            throw new QmpException("sync mode 'none' does not produce meaningful bitmap outputs");
        if (given == BitmapMode.Never && sync is BackupSync.Full or BackupSync.Top)
            throw new QmpException($"Bitmap sync mode 'never' has no meaningful effect when combined with sync mode '{syncName}'");
        return bitmap;
    }

    private static BitmapMode? Mode(string? name) => name switch
    {
        null => null,
        "on-success" => BitmapMode.OnSuccess,
        "never" => BitmapMode.Never,
        _ => BitmapMode.Always,
    };
}
