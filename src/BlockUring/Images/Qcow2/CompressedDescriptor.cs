namespace BlockUring.Images.Qcow2;

/// <summary>Where the bytes of a compressed cluster are (specification: "Compressed Clusters Descriptor"; see <see cref="L2Entry"/>).</summary>
/// <param name="HostOffset">First byte, at any alignment.</param>
/// <param name="Length">Bytes up to the end of the last sector used; the compressed stream may end earlier.</param>
internal readonly record struct CompressedDescriptor(long HostOffset, int Length)
{
    public const int SectorLength = 512;

    /// <summary>Takes the descriptor out of an L2 entry with <see cref="L2Entry.CompressedFlag"/>.</summary>
    public static CompressedDescriptor Decode(ulong entry, int clusterBits)
    {
        var shift = Shift(clusterBits);
        var offset = (long)(entry & ((1ul << shift) - 1));
        var furtherSectors = (int)(entry >> shift) & ((1 << (clusterBits - 8)) - 1);
        return new(offset, ((furtherSectors + 1) * SectorLength) - (int)(offset & (SectorLength - 1)));
    }

    /// <summary>The L2 entry for compressed bytes at a host offset.</summary>
    /// <param name="hostOffset">First byte.</param>
    /// <param name="length">Compressed bytes, 1 or more, fewer than a cluster.</param>
    /// <param name="clusterBits">Of the image.</param>
    public static ulong Encode(long hostOffset, int length, int clusterBits)
    {
        var shift = Shift(clusterBits);
        var furtherSectors = ((hostOffset + length - 1) / SectorLength) - (hostOffset / SectorLength);
        if (hostOffset > MaxHostOffset(clusterBits))
            throw new ArgumentOutOfRangeException(nameof(hostOffset), hostOffset, "beyond what a compressed cluster's descriptor can hold");
        return L2Entry.CompressedFlag | (ulong)hostOffset | ((ulong)furtherSectors << shift);
    }

    /// <summary>The last host offset that a descriptor can hold.</summary>
    public static long MaxHostOffset(int clusterBits) => Math.Min(Qcow2Limits.MaxHostOffset, (1L << Shift(clusterBits)) - 1);

    private static int Shift(int clusterBits) => 62 - (clusterBits - 8);
}
