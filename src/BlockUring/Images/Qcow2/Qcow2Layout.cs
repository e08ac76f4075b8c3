namespace BlockUring.Images.Qcow2;

/// <summary>
/// Where everything is in a new image: header, refcount table, refcount blocks, L1 table, then with preallocation the L2 tables, with
/// encryption the LUKS header, and the data clusters, each starting where the one before ends.
/// </summary>
internal sealed class Qcow2Layout
{
    private readonly Qcow2Geometry geometry;

    private Qcow2Layout(Qcow2Geometry geometry, long l1Count, long l2TableCount, long keyClusters, long dataClusters)
    {
        this.geometry = geometry;
        KeyClusters = keyClusters;
        L1Count = l1Count;
        L2TableCount = l2TableCount;
        DataClusters = dataClusters;
        L1Clusters = geometry.ClustersFor(l1Count * L1Table.EntryLength);
        (RefcountTableClusters, RefcountBlockCount) =
            RefcountsFor(1 + L1Clusters + l2TableCount + keyClusters + dataClusters, geometry.ClusterLength, geometry.RefcountOrder);
    }

    /// <summary>Clusters of the refcount table.</summary>
    public long RefcountTableClusters { get; }

    /// <summary>Refcount blocks, a cluster each.</summary>
    public long RefcountBlockCount { get; }

    public long L1Count { get; }

    /// <summary>Clusters of the L1 table.</summary>
    public long L1Clusters { get; }

    /// <summary>L2 tables, a cluster each; 0 without preallocation.</summary>
    public long L2TableCount { get; }

    /// <summary>Clusters of the LUKS header; 0 without encryption.</summary>
    public long KeyClusters { get; }

    /// <summary>Preallocated data clusters in this file.</summary>
    public long DataClusters { get; }

    public long RefcountTableOffset => geometry.ClusterLength;

    public long RefcountBlocksOffset => RefcountTableOffset + Bytes(RefcountTableClusters);

    public long L1Offset => RefcountBlocksOffset + Bytes(RefcountBlockCount);

    public long L2Offset => L1Offset + Bytes(L1Clusters);

    public long KeyOffset => L2Offset + Bytes(L2TableCount);

    public long DataOffset => KeyOffset + Bytes(KeyClusters);

    /// <summary>Bytes of the file.</summary>
    public long FileLength => DataOffset + Bytes(DataClusters);

    /// <summary>Clusters in use, all of refcount one.</summary>
    public long ClusterCount => FileLength >> geometry.ClusterBits;

    /// <summary>Lays out a new image.</summary>
    /// <param name="geometry">Its sizes.</param>
    /// <param name="guestLength">Guest size in bytes.</param>
    /// <param name="preallocatesTables">Whether L2 tables for the whole guest disk are made.</param>
    /// <param name="preallocatesData">Whether data clusters follow in this file.</param>
    /// <param name="keyLength">Bytes of the LUKS header; 0 without encryption.</param>
    /// <exception cref="Storage.BlockException">The L1 or refcount table would be too large.</exception>
    public static Qcow2Layout For(Qcow2Geometry geometry, long guestLength, bool preallocatesTables, bool preallocatesData, long keyLength = 0)
    {
        var l1Count = geometry.L1CountFor(guestLength);
        if (l1Count > Qcow2Limits.MaxL1Bytes / L1Table.EntryLength)
            throw TooLarge();
        var layout = new Qcow2Layout(
            geometry,
            l1Count,
            preallocatesTables ? l1Count : 0,
            geometry.ClustersFor(keyLength),
            preallocatesData ? geometry.ClustersFor(guestLength) : 0);
        return layout.RefcountTableClusters <= Qcow2Limits.MaxRefcountTableBytes / geometry.ClusterLength
            && layout.FileLength <= Qcow2Limits.MaxHostOffset
            ? layout
            : throw TooLarge();
    }

    /// <summary>Clusters that the refcounts of a file take: they count themselves too, so the fixed point is sought.</summary>
    /// <param name="clusters">All other clusters of the file.</param>
    /// <param name="clusterLength">Bytes.</param>
    /// <param name="refcountOrder">Log2 of the bits of a refcount.</param>
    public static (long TableClusters, long Blocks) RefcountsFor(long clusters, long clusterLength, int refcountOrder)
    {
        var perBlock = clusterLength * 8 >> refcountOrder;
        var perTableCluster = clusterLength / 8;
        long table = 0, blocks = 0;
        while (true)
        {
            var neededBlocks = DivideRoundingUp(clusters + table + blocks, perBlock);
            var neededTable = DivideRoundingUp(neededBlocks, perTableCluster);
            if (neededBlocks == blocks && neededTable == table)
                return (table, blocks);
            (table, blocks) = (neededTable, neededBlocks);
        }
    }

    private static long DivideRoundingUp(long value, long divisor) => (value / divisor) + (value % divisor == 0 ? 0 : 1);

    private static Storage.BlockException TooLarge() =>
        Qcow2Errors.Limit("The image size is too large for file format 'qcow2' (try using a larger cluster size)");

    private long Bytes(long clusters) => clusters << geometry.ClusterBits;
}
