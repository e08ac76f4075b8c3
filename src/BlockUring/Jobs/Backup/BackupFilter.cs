using System.Numerics;
using BlockUring.Copy;
using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Native.Codecs;
using BlockUring.Storage;

namespace BlockUring.Jobs.Backup;

/// <summary>Makes the filter of a backup, with everything pending that is to be copied.</summary>
internal static class BackupFilter
{
    public static CopyBeforeWriteNode Make(BlockGraph graph, BackupRequest request)
    {
        var (source, target) = (request.Source, request.Target);
        var settings = new SnapshotCopySettings
        {
            TopOnly = request.Sync == BackupSync.Top,
            StoresZeroes = request.Sync is BackupSync.Top or BackupSync.Bitmap or BackupSync.Incremental,
            Compression = request.Compress ? CompressionOf(target) : null,
            DiscardsSource = request.DiscardSource,
        };
        if (request.MaxChunk > 0)
            settings = settings with { MaxChunk = 1 << BitOperations.Log2((ulong)Math.Min(request.MaxChunk, SnapshotCopies.MaxCluster)) };
        var copy = SnapshotCopies.Make(graph, source, target, settings, request.MinClusterLength);
        if (request.Bitmap is { } bitmap && request.Sync is BackupSync.Bitmap or BackupSync.Incremental)
            SnapshotCopies.Restrict(copy, source, bitmap);
        else
            copy.Pending.SetAll();
        if (request.MaxChunk > 0 && request.MaxChunk < copy.ClusterLength)
        {
            copy.Dispose();
            throw new BlockException(
                BlockErrorKind.Invalid, $"Required max-chunk ({request.MaxChunk}) is less than backup cluster size ({copy.ClusterLength})");
        }

        var node = new CopyBeforeWriteNode(
            request.FilterName ?? graph.NextAutoName(),
            source.Settings with { ReadOnly = false, AutoReadOnly = false, DetectZeroes = DetectZeroes.Off, Unmap = true },
            graph.Scheduler,
            copy,
            new CopyBeforeWriteOptions(request.BreaksSnapshot))
        {
            IsImplicit = request.FilterName == null,
        };
        return SnapshotCopies.Link(node, source, target);
    }

    private static CompressionType CompressionOf(BlockNode target) =>
        (target.Layer as FormatNode)?.Image.Format.Compression
        ?? throw new BlockException(BlockErrorKind.Unsupported, $"Compression is not supported for this drive {target.Name}");
}
