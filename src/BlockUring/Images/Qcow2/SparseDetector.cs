using System.Buffers.Binary;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Tells whether an image was made with preallocated metadata: many more clusters in use than the host has allocated, so that data clusters
/// may be holes in the file. QEMU asks the same question, with the same threshold, before it looks for holes below allocated clusters.
/// </summary>
internal static class SparseDetector
{
    /// <summary>Counts refcounts until the answer is known. Broken refcount structures mean no.</summary>
    public static async ValueTask<bool> DetectAsync(BlockFile file, Qcow2Header header, Qcow2Geometry geometry)
    {
        var allocated = file.AllocatedBytes;
        if (allocated < 0)
            return false;
        var allocatedClusters = allocated >> geometry.ClusterBits;
        var threshold = Math.Max(allocatedClusters * 10 / 9, allocatedClusters + 2);
        var clusters = geometry.ClustersFor(file.Length);
        return clusters >= threshold && await CountUsedAsync(file, header, geometry, clusters, threshold) >= threshold;
    }

    private static async ValueTask<long> CountUsedAsync(
        BlockFile file, Qcow2Header header, Qcow2Geometry geometry, long clusters, long threshold)
    {
        using var entries = file.Buffers.Rent(geometry.SliceLength);
        using var refcounts = file.Buffers.Rent(geometry.SliceLength);
        var tableBytes = (long)header.RefcountTableClusters << geometry.ClusterBits;
        var blockCount = Math.Min(tableBytes / 8, ((clusters - 1) >> geometry.RefcountBlockBits) + 1);
        long used = 0;
        for (long block = 0; block < blockCount && used < threshold; block++)
        {
            var at = (int)(block * 8 % entries.Length);
            if (at == 0)
                await file.ReadAsync(header.RefcountTableOffset + (block * 8), entries.Memory);
            var offset = (long)(BinaryPrimitives.ReadUInt64BigEndian(entries.Span[at..]) & ~511ul);
            if (offset == 0)
                continue;
            if ((ulong)offset > Qcow2Limits.MaxHostOffset || geometry.OffsetInCluster(offset) != 0)
                return 0;
            var left = clusters - (block << geometry.RefcountBlockBits);
            for (var slice = 0; slice < geometry.ClusterLength && left > 0; slice += refcounts.Length)
            {
                var count = (int)Math.Min(left, ((long)refcounts.Length * 8) >> geometry.RefcountOrder);
                await file.ReadAsync(offset + slice, refcounts.Memory);
                used += RefcountEntries.CountUsed(refcounts.Span, geometry.RefcountOrder, count);
                left -= count;
            }
        }

        return used;
    }
}
