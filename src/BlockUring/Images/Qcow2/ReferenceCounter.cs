using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Counts references to ranges of the image file, with the rules about where they may point.</summary>
/// <param name="map">Receives the counts.</param>
/// <param name="geometry">Of the image.</param>
/// <param name="fileLength">Bytes, a multiple of 512.</param>
/// <param name="findings">Receives corruptions of ranges.</param>
/// <param name="overflows">Receives the lines about counts that the image's refcounts cannot hold; the comparison counts them.</param>
internal sealed class ReferenceCounter(
    RefcountMap map, Qcow2Geometry geometry, long fileLength, CheckFindings findings, CheckFindings overflows)
{
    private readonly ulong maxRefcount = RefcountEntries.Max(geometry.RefcountOrder);
    private long knownLength = fileLength;

    /// <summary>Clusters of the file; a range whose last cluster ends beyond the file adds one.</summary>
    public long ClusterCount { get; private set; } = geometry.ClustersFor(fileLength);

    /// <summary>The file has become longer meanwhile.</summary>
    /// <param name="newLength">Bytes, a multiple of 512.</param>
    public void Grow(long newLength)
    {
        knownLength = newLength;
        ClusterCount = Math.Max(ClusterCount, geometry.ClustersFor(newLength));
    }

    /// <summary>Counts one more reference to every cluster of a range.</summary>
    /// <param name="offset">Host offset; taken as signed, as QEMU does.</param>
    /// <param name="length">Bytes; 0 or less means nothing.</param>
    /// <param name="times">How many references.</param>
    public void Count(ulong offset, long length, ulong times = 1)
    {
        if (length <= 0)
            return;
        // The last cluster of an image may be there in part, so a range may end up to a cluster beyond the file.
        if (unchecked((long)offset + length - knownLength) >= geometry.ClusterLength)
        {
            findings.Corrupt(
                $"ERROR: counting reference for region exceeding the end of the file by one cluster or more: offset 0x{offset:x} size 0x{length:x}");
            findings.Corruptions += (long)times - 1;
            return;
        }

        if ((long)offset < 0)
        {
            overflows.CheckErrors++;
            throw new BlockException(BlockErrorKind.Limit, $"A table refers to offset 0x{offset:x}", Errno.ENOMEM);
        }

        var last = ((long)offset + length - 1) >> geometry.ClusterBits;
        for (var cluster = (long)offset >> geometry.ClusterBits; cluster <= last; cluster++)
        {
            ClusterCount = Math.Max(ClusterCount, cluster + 1);
            if (map.Add(cluster, times) > maxRefcount - Math.Min(times, maxRefcount))
                ReportOverflow(cluster);
        }
    }

    private void ReportOverflow(long cluster)
    {
        overflows.Report($"ERROR: overflow cluster offset=0x{cluster << geometry.ClusterBits:x}");
        overflows.Report($"Use qemu-img amend to increase the refcount entry width or qemu-img convert to create a clean copy if the image cannot be opened for writing");
    }
}
