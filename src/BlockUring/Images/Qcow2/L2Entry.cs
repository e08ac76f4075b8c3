using System.Numerics;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// One entry of an L2 table (specification: "L2 table entry", "Extended L2 Entries").
/// <code>
///  standard cluster                              compressed cluster (x = 62 - (cluster bits - 8))
///       0       reads as zeroes (not extended)     0 – x-1  host offset, in bytes
///       1 –  8  reserved                           x – 61   further 512-byte sectors of compressed data
///       9 – 55  host offset, cluster-aligned       62       1
///      56 – 61  reserved                           63       0
///      62       0
///      63       the cluster's refcount is exactly one
///  bitmap of an extended entry: 0 – 31 subcluster is allocated, 32 – 63 subcluster reads as zeroes
/// </code>
/// </summary>
/// <param name="Descriptor">The first 64 bits.</param>
/// <param name="Bitmap">The second 64 bits; 0 without extended entries.</param>
internal readonly record struct L2Entry(ulong Descriptor, ulong Bitmap = 0)
{
    public const ulong OffsetMask = 0x00fffffffffffe00;
    public const ulong CopiedFlag = 1ul << 63;
    public const ulong CompressedFlag = 1ul << 62;
    public const ulong ZeroFlag = 1;

    /// <summary>The bits that decide what the cluster is, for entries without subclusters.</summary>
    public const ulong MeaningMask = OffsetMask | CompressedFlag | ZeroFlag;

    /// <summary>The host offset of a standard cluster, 0 for none (with an external data file also a valid offset).</summary>
    public long HostOffset => (long)(Descriptor & OffsetMask);

    public bool IsCompressed => (Descriptor & CompressedFlag) != 0;

    public bool IsCopied => (Descriptor & CopiedFlag) != 0;

    /// <summary>Whether a standard cluster has a place in a file.</summary>
    /// <param name="hasDataFile">Whether data is in an external file: then offset 0 is a place when the refcount is said to be one.</param>
    /// <param name="hasSubclusters">Whether entries are extended: then bit 0 means nothing.</param>
    public bool HasHostCluster(bool hasDataFile, bool hasSubclusters) =>
        HostOffset != 0 || (hasDataFile && IsCopied && (hasSubclusters || (Descriptor & ZeroFlag) == 0));

    /// <summary>The entry of an allocated standard cluster of refcount one; all its subclusters hold data.</summary>
    public static L2Entry ForData(long hostOffset, bool hasSubclusters) =>
        new((ulong)hostOffset | CopiedFlag, hasSubclusters ? uint.MaxValue : 0ul);

    /// <summary>The entry of a cluster that reads as zeroes; <paramref name="hostOffset"/> 0 keeps no host cluster.</summary>
    public static L2Entry ForZeroes(long hostOffset, bool hasSubclusters)
    {
        var copied = hostOffset == 0 ? 0 : CopiedFlag;
        return hasSubclusters
            ? new((ulong)hostOffset | copied, 0xffffffff00000000)
            : new((ulong)hostOffset | copied | ZeroFlag);
    }

    /// <summary>What the run of equal subclusters from <paramref name="subcluster"/> on is, inside this entry's cluster.</summary>
    /// <param name="subcluster">0 without extended entries.</param>
    /// <param name="hasSubclusters">Whether the image has extended entries.</param>
    /// <param name="hasDataFile">Whether data is in an external file, where host offset 0 is a valid one.</param>
    /// <param name="count">Subclusters of that kind; 1 without extended entries.</param>
    public ClusterKind Run(int subcluster, bool hasSubclusters, bool hasDataFile, out int count)
    {
        count = hasSubclusters ? Qcow2Limits.SubclusterCount - subcluster : 1;
        if (IsCompressed)
            return ClusterKind.Compressed;
        // Why: clusters of a data file always have refcount one, which tells an allocated offset 0 from none.
        var hasHost = (Descriptor & OffsetMask) != 0 || (hasDataFile && IsCopied);
        if (hasSubclusters)
            return SubclusterRun(subcluster, hasHost, out count);
        if ((Descriptor & ZeroFlag) != 0)
            return (Descriptor & OffsetMask) != 0 ? ClusterKind.ZeroReserved : ClusterKind.Zero;
        return hasHost ? ClusterKind.Data : ClusterKind.Unallocated;
    }

    private ClusterKind SubclusterRun(int subcluster, bool hasHost, out int count)
    {
        var allocated = (uint)Bitmap;
        var zero = (uint)(Bitmap >> 32);
        count = 0;
        if ((allocated & zero) != 0 || (!hasHost && allocated != 0))
            return ClusterKind.Invalid;
        if ((zero >> subcluster & 1) != 0)
        {
            count = CountOnes(zero, subcluster);
            return hasHost ? ClusterKind.ZeroReserved : ClusterKind.Zero;
        }

        if ((allocated >> subcluster & 1) != 0)
        {
            count = CountOnes(allocated, subcluster);
            return ClusterKind.Data;
        }

        count = CountOnes(~(allocated | zero), subcluster);
        return hasHost ? ClusterKind.UnallocatedReserved : ClusterKind.Unallocated;
    }

    private static int CountOnes(uint bits, int from) =>
        Math.Min(BitOperations.TrailingZeroCount(~(bits >> from)), Qcow2Limits.SubclusterCount - from);
}
