namespace BlockUring.Images.Qcow2;

/// <summary>Header bytes 72 to 79: an image with a bit that is not listed here must not be opened.</summary>
[Flags]
internal enum IncompatibleFeatures : ulong
{
    None = 0,

    /// <summary>Refcounts may be wrong and are rebuilt before the first write.</summary>
    Dirty = 1 << 0,

    /// <summary>Any structure may be wrong; the image must not be written to.</summary>
    Corrupt = 1 << 1,

    /// <summary>Guest clusters are in another file, at their guest offset.</summary>
    DataFile = 1 << 2,

    /// <summary>The compression type is not zlib.</summary>
    Compression = 1 << 3,

    /// <summary>L2 entries have 128 bits, with 32 subclusters a cluster.</summary>
    ExtendedL2 = 1 << 4,

    Known = Dirty | Corrupt | DataFile | Compression | ExtendedL2,
}
