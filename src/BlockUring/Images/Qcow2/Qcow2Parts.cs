using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>What opening has read and checked.</summary>
/// <param name="File">The file with the metadata; the caller's.</param>
/// <param name="DataFile">The external data file, owned by the image from now on; null for none.</param>
/// <param name="Header">The header.</param>
/// <param name="Geometry">Sizes that follow from it.</param>
/// <param name="L1">The active L1 table.</param>
/// <param name="Snapshots">All snapshots.</param>
/// <param name="Bitmaps">All persistent bitmaps.</param>
/// <param name="Encryption">The encryption, owned by the image from now on; null for none.</param>
/// <param name="Caches">How much of the tables is kept in memory.</param>
/// <param name="OverlapChecks">Metadata that no write may overlap with.</param>
internal sealed record Qcow2Parts(
    BlockFile File,
    BlockFile? DataFile,
    Qcow2Header Header,
    Qcow2Geometry Geometry,
    L1Table L1,
    IReadOnlyList<Qcow2Snapshot> Snapshots,
    IReadOnlyList<Qcow2BitmapInfo> Bitmaps,
    Qcow2Encryption? Encryption,
    Qcow2CacheSizes Caches,
    MetadataKinds OverlapChecks);
