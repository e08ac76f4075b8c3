using System.Numerics;
using BlockUring.Copy;
using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Jobs.Backup;

namespace BlockUring.Jobs.Mirror;

/// <summary>Makes the filter of a mirror.</summary>
internal static class MirrorFilter
{
    private const int DefaultGranularity = 64 << 10;

    public static MirrorTopNode Make(BlockGraph graph, MirrorRequest request)
    {
        var (source, target) = (request.Source, request.Target);
        var copy = new MirrorCopy(graph.Scheduler, source, target, new MirrorCopySettings
        {
            Granularity = (int)(request.Granularity != 0 ? request.Granularity : GranularityFor(target)),
            MaxChunk = ChunkFor(request.BufferLength),
            StoresZeroes = !request.Unmap || MayGetBacking(request),
            WholeCluster = NeedsWholeClusters(request) ? target.ClusterLength : 0,
            BeforeTargetWrite = request.BeforeTargetWrite,
        });
        return new MirrorTopNode(
            request.FilterName ?? graph.NextAutoName(),
            source.Settings with { ReadOnly = false, AutoReadOnly = false, DetectZeroes = DetectZeroes.Off, Unmap = true },
            copy,
            source,
            target,
            request.IsCommit)
        {
            IsImplicit = request.FilterName == null,
            GrowsTarget = request.IsCommit && target.Length < source.Length,
        };
    }

    /// <summary>How many requests are in flight.</summary>
    public static int WorkersFor(long bufferLength) => bufferLength == 0
        ? MirrorRequest.DefaultWorkers
        : (int)Math.Clamp(bufferLength / ChunkFor(bufferLength), 1, MirrorRequest.MaxWorkers);

    private static int ChunkFor(long bufferLength) => bufferLength is 0 or >= MirrorRequest.MaxChunk
        ? MirrorRequest.MaxChunk
        : 1 << Math.Max(12, BitOperations.Log2((ulong)bufferLength));

    // As for dirty bitmaps.
    private static int GranularityFor(BlockNode target) => target.ClusterLength == 0
        ? DefaultGranularity
        : Math.Clamp(target.ClusterLength, 4 << 10, 64 << 10);

    // Why: what is copied of the top alone is put over another image some day, perhaps without the target's knowing yet.
    private static bool MayGetBacking(MirrorRequest request) =>
        !request.IsCommit && request.Sync != BackupSync.Full && request.Target.Layer is FormatNode { Image.Format.SupportsBacking: true };

    private static bool NeedsWholeClusters(MirrorRequest request) =>
        request.Target.Layer is { Backing: null } target && (target.MayShowBacking || MayGetBacking(request));
}
