namespace BlockUring.Images.Qcow2;

/// <summary>The named maxima of the format, those of QEMU unless said otherwise: what a hostile image cannot exceed.</summary>
internal static class Qcow2Limits
{
    public const int MinClusterBits = 9;
    public const int MaxClusterBits = 21;
    public const int DefaultClusterLength = 65536;

    /// <summary>Subclusters of a cluster in images with extended L2 entries (specification: "Extended L2 Entries").</summary>
    public const int SubclusterCount = 32;

    public const int MaxL1Bytes = 32 << 20;
    public const int MaxRefcountTableBytes = 8 << 20;
    public const int MaxBackingNameBytes = 1023;
    public const int MaxBackingFormatBytes = 15;
    public const int MaxSnapshots = 65536;
    public const int MaxSnapshotTableBytes = 1024 * MaxSnapshots;
    public const int MaxSnapshotExtraBytes = 1024;
    public const int MaxBitmaps = 65535;
    public const int MaxBitmapDirectoryBytes = 1024 * MaxBitmaps;
    public const int MaxBitmapNameBytes = 1023;

    /// <summary>Ours: bytes of all names and extra data of one table that are kept in memory.</summary>
    public const int MaxNameBytesKept = 8 << 20;

    /// <summary>The longest file that QEMU knows: what lies beyond cannot be read, where short of it the end of the file reads as zeroes.</summary>
    public const long MaxFileLength = long.MaxValue & -(1L << 30);

    /// <summary>Clusters of the longest file that is checked.</summary>
    public const long MaxCheckedClusters = int.MaxValue;

    /// <summary>Host offsets have 56 bits (specification: "L2 table entry").</summary>
    public const long MaxHostOffset = (1L << 56) - 1;
}
