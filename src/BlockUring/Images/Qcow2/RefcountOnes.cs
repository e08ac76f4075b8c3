namespace BlockUring.Images.Qcow2;

/// <summary>Which clusters of a window have a refcount of exactly one: a bit each.</summary>
internal sealed class RefcountOnes
{
    /// <summary>Clusters of a window. Why: 16 MiB of bits, for 8 TiB of 64 KiB clusters; the check walks the L2 tables once for each window.</summary>
    public const long MaxWindow = 128 << 20;

    private readonly Qcow2Geometry geometry;
    private readonly ulong[] bits;

    private RefcountOnes(Qcow2Geometry geometry, long first, long end)
    {
        this.geometry = geometry;
        (First, End) = (first, end);
        bits = new ulong[(end - first + 63) / 64];
    }

    public long First { get; }

    /// <summary>The cluster after the last one.</summary>
    public long End { get; }

    /// <summary>Whether a cluster of the window has refcount one; false as well when its block cannot be read.</summary>
    public bool this[long cluster] => (bits[(cluster - First) >> 6] >> (int)(cluster - First) & 1) != 0;

    /// <summary>Reads the refcounts of a window.</summary>
    public static async ValueTask<RefcountOnes> ReadAsync(RefcountBlocks blocks, Qcow2Geometry geometry, long first, long end)
    {
        var ones = new RefcountOnes(geometry, first, end);
        await blocks.ForEachAsync(first, end, ones.Fill, reportsFailures: true);
        return ones;
    }

    private void Fill(long first, long end, ReadOnlySpan<byte> counts, int index, int errno)
    {
        if (counts.IsEmpty)
            return;
        for (var cluster = first; cluster < end; cluster++)
        {
            if (RefcountEntries.Get(counts, geometry.RefcountOrder, index++) == 1)
                bits[(cluster - First) >> 6] |= 1ul << (int)(cluster - First);
        }
    }
}
