using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Storage;

namespace BlockUring.Jobs.Backup;

/// <summary>What a request for a backup must keep to, with QEMU's words for what it does not.</summary>
internal static class BackupDemands
{
    public static void Check(BackupRequest request)
    {
        var (source, target) = (request.Source, request.Target);
        if (source == target)
            throw Invalid("Source and target cannot be the same");
        if (request.Compress && (target.Layer as FormatNode)?.Image.Format.Compression == null)
            throw new BlockException(BlockErrorKind.Unsupported, $"Compression is not supported for this drive {target.Name}");
        source.Blockers.Demand(source.Name, NodeOperation.BackupSource);
        target.Blockers.Demand(target.Name, NodeOperation.BackupTarget);
        if (request.MaxWorkers < 1)
            throw Invalid("max-workers must be greater than zero");
        if (request.MaxChunk < 0)
            throw Invalid("max-chunk must be zero (which means no limit) or positive");
        SnapshotCopies.DemandSameLength(source, target);
        request.Bitmap?.Demand(request.BitmapMode == BitmapMode.Never ? BitmapDemands.Readable : BitmapDemands.All);
    }

    private static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message);
}
