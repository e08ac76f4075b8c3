using System.Numerics;

namespace BlockUring.Images.Qcow2;

/// <summary>The sizes that follow from the header, and where a guest offset is looked up.</summary>
internal sealed class Qcow2Geometry
{
    /// <summary>The longest part of a table that is read and cached as one.</summary>
    public const int MaxSliceLength = 65536;

    public Qcow2Geometry(int clusterBits, bool hasSubclusters, int refcountOrder, int maxSliceLength = MaxSliceLength)
    {
        ClusterBits = clusterBits;
        HasSubclusters = hasSubclusters;
        RefcountOrder = refcountOrder;
        ClusterLength = 1 << clusterBits;
        SubclusterCount = hasSubclusters ? Qcow2Limits.SubclusterCount : 1;
        SubclusterBits = clusterBits - BitOperations.Log2((uint)SubclusterCount);
        L2EntryLength = hasSubclusters ? 16 : 8;
        L2Bits = clusterBits - (hasSubclusters ? 4 : 3);
        L1Shift = clusterBits + L2Bits;
        SliceLength = Math.Min(ClusterLength, maxSliceLength);
        SliceEntryCount = SliceLength / L2EntryLength;
    }

    public int ClusterBits { get; }

    public int ClusterLength { get; }

    public bool HasSubclusters { get; }

    /// <summary>32, or 1 without extended L2 entries.</summary>
    public int SubclusterCount { get; }

    public int SubclusterBits { get; }

    public int SubclusterLength => 1 << SubclusterBits;

    /// <summary>8 or 16 bytes.</summary>
    public int L2EntryLength { get; }

    /// <summary>Log2 of the entries of an L2 table, which is one cluster.</summary>
    public int L2Bits { get; }

    /// <summary>Log2 of the guest bytes below one L1 entry.</summary>
    public int L1Shift { get; }

    /// <summary>Bytes of the part of an L2 table (or refcount block) that is cached as one: the table, or 64 KiB of it, or less on request.</summary>
    public int SliceLength { get; }

    /// <summary>Entries of such a slice of an L2 table.</summary>
    public int SliceEntryCount { get; }

    /// <summary>Log2 of the bits of a refcount: 0 to 6.</summary>
    public int RefcountOrder { get; }

    /// <summary>Log2 of the refcounts in a block, which is one cluster.</summary>
    public int RefcountBlockBits => ClusterBits + 3 - RefcountOrder;

    public long OffsetInCluster(long offset) => offset & (ClusterLength - 1);

    public long RoundUpToCluster(long length) => checked(length + ClusterLength - 1) & -(long)ClusterLength;

    public long ClustersFor(long length) => (length >> ClusterBits) + (OffsetInCluster(length) == 0 ? 0 : 1);

    /// <summary>L1 entries that a guest disk of that size needs.</summary>
    public long L1CountFor(long guestLength) => (guestLength >> L1Shift) + ((guestLength & ((1L << L1Shift) - 1)) == 0 ? 0 : 1);

    public long L1Index(long guestOffset) => guestOffset >> L1Shift;

    /// <summary>The index in the whole L2 table.</summary>
    public int L2Index(long guestOffset) => (int)(guestOffset >> ClusterBits) & ((1 << L2Bits) - 1);

    /// <summary>The byte in the L2 table at which the slice with the entry of <paramref name="guestOffset"/> starts.</summary>
    public int SliceStart(long guestOffset) => L2Index(guestOffset) * L2EntryLength & -SliceLength;

    /// <summary>The index in that slice.</summary>
    public int SliceIndex(long guestOffset) => L2Index(guestOffset) & (SliceEntryCount - 1);

    public int SubclusterIndex(long guestOffset) => (int)(guestOffset >> SubclusterBits) & (SubclusterCount - 1);
}
