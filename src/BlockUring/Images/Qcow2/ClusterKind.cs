namespace BlockUring.Images.Qcow2;

/// <summary>What an L2 entry says of a cluster or subcluster.</summary>
internal enum ClusterKind
{
    /// <summary>Nothing here: the backing file shows through.</summary>
    Unallocated,

    /// <summary>A subcluster without data in a cluster that has a host offset.</summary>
    UnallocatedReserved,

    /// <summary>Reads as zeroes.</summary>
    Zero,

    /// <summary>Reads as zeroes, and a host cluster is kept for it.</summary>
    ZeroReserved,

    /// <summary>Guest data at the host offset.</summary>
    Data,

    /// <summary>Compressed data; always a whole cluster.</summary>
    Compressed,

    /// <summary>The bitmap contradicts itself or the entry.</summary>
    Invalid,
}
