using BlockUring.Native.Codecs;

namespace BlockUring.Images.Qcow2;

/// <summary>What `info` prints as "Format specific information" of a qcow2 image. Null where QEMU leaves a field out (version 2).</summary>
/// <param name="Compat">"0.10" or "1.1".</param>
/// <param name="Compression">How compressed clusters are packed.</param>
/// <param name="RefcountBits">Width of a refcount: 1 to 64.</param>
/// <param name="LazyRefcounts">Whether refcount updates may be postponed.</param>
/// <param name="IsCorrupt">Whether the image is marked corrupt.</param>
/// <param name="ExtendedL2">Whether clusters have subclusters.</param>
/// <param name="DataFile">Name of the external data file in the header, null for none.</param>
/// <param name="DataFileRaw">Whether the data file is a valid raw image by itself; null without a data file.</param>
/// <param name="Bitmaps">The persistent bitmaps; empty when there are none.</param>
/// <param name="IsDirty">Whether refcounts may be wrong ("dirty-flag", printed beside the specific part).</param>
public sealed record Qcow2Info(
    string Compat,
    CompressionType Compression,
    int RefcountBits,
    bool? LazyRefcounts,
    bool? IsCorrupt,
    bool? ExtendedL2,
    string? DataFile,
    bool? DataFileRaw,
    IReadOnlyList<Qcow2BitmapInfo> Bitmaps,
    bool IsDirty)
{
    /// <summary>"zlib" or "zstd".</summary>
    public string CompressionName => Compression == CompressionType.Zstd ? "zstd" : "zlib";

    /// <summary>What a header and its bitmaps say.</summary>
    internal static Qcow2Info Of(Qcow2Header header, IReadOnlyList<Qcow2BitmapInfo> bitmaps)
    {
        var hasFeatures = header.Version >= 3;
        return new(
            hasFeatures ? "1.1" : "0.10",
            header.Compression,
            1 << header.RefcountOrder,
            hasFeatures ? (header.Compatible & CompatibleFeatures.LazyRefcounts) != 0 : null,
            hasFeatures ? header.IsCorrupt : null,
            hasFeatures ? header.HasSubclusters : null,
            hasFeatures ? header.DataFileName : null,
            header.HasDataFile ? header.HasRawDataFile : null,
            hasFeatures ? bitmaps : [],
            header.IsDirty);
    }
}
