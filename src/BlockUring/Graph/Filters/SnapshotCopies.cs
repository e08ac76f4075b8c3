using System.Numerics;
using BlockUring.Bitmaps;
using BlockUring.Copy;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>Makes the copies behind copy-before-write filters, for those who ask by options and for backup jobs alike.</summary>
public static class SnapshotCopies
{
    private const int DefaultCluster = 64 << 10;

    /// <summary>The largest unit of copying.</summary>
    public const int MaxCluster = 64 << 20;

    /// <summary>Makes a copy whose unit suits the target.</summary>
    /// <param name="graph">Whose thread.</param>
    /// <param name="source">Read.</param>
    /// <param name="target">Written.</param>
    /// <param name="settings">The rest; its cluster and chunk are worked out here.</param>
    /// <param name="minCluster">The least unit in bytes; 0 for none.</param>
    /// <exception cref="BlockException">The lengths differ, or the unit is out of bounds.</exception>
    public static SnapshotCopy Make(BlockGraph graph, BlockNode source, BlockNode target, SnapshotCopySettings settings, long minCluster)
    {
        DemandSameLength(source, target);
        if (source.Length > target.Length)
            throw DifferentSizes();
        if (minCluster > MaxCluster)
            throw new BlockException(BlockErrorKind.Invalid, $"min-cluster-size too large: {minCluster} > {MaxCluster}");
        if (minCluster != 0 && !BitOperations.IsPow2(minCluster))
            throw new BlockException(BlockErrorKind.Invalid, $"min-cluster-size needs to be a power of 2");
        var cluster = Math.Max(Math.Max(DefaultCluster, target.ClusterLength), (int)minCluster);
        return new SnapshotCopy(graph.Scheduler, source, target, settings with
        {
            ClusterLength = cluster,
            MaxChunk = Math.Max(1 << BitOperations.Log2((uint)settings.MaxChunk), cluster),
        });
    }

    /// <summary>Makes what a bitmap records all that is copied, and all that can be read of the snapshot.</summary>
    /// <remarks>Why: of anything else the target holds nothing, and the source soon something newer.</remarks>
    public static void Restrict(SnapshotCopy copy, BlockNode source, DirtyBitmap wanted)
    {
        copy.Pending.Merge(wanted);
        copy.Accessible = new DirtyBitmap(null, source.Length, copy.ClusterLength);
        copy.Accessible.Merge(wanted);
    }

    /// <summary>Demands that two disks have the same number of sectors.</summary>
    /// <remarks>Why not equal: files of any length are disks of whole sectors to QEMU's users, and most formats store no others.</remarks>
    /// <exception cref="BlockException">They do not.</exception>
    public static void DemandSameLength(BlockNode source, BlockNode target)
    {
        if (Sectors(source) != Sectors(target))
            throw DifferentSizes();
    }

    /// <summary>Gives a filter its links.</summary>
    public static CopyBeforeWriteNode Link(CopyBeforeWriteNode filter, BlockNode source, BlockNode target)
    {
        filter.AddChild("file", LinkRole.Filtered, source);
        filter.AddChild("target", LinkRole.Target, target);
        if (ShowsThrough(source, target) && target.Layer is FormatNode overlay)
            filter.TrackReads(overlay.Image);
        return filter;
    }

    // Whether the target is an overlay on the source, by which others read the snapshot.
    private static bool ShowsThrough(BlockNode source, BlockNode target)
    {
        for (var disk = target.Backing; disk != null; disk = disk.Backing)
        {
            if (disk.Layer == source.Layer)
                return true;
        }

        return false;
    }

    private static BlockException DifferentSizes() => new(BlockErrorKind.Invalid, "Source and target image have different sizes");

    private static long Sectors(BlockNode node) => (node.Length + 511) >> 9;
}
