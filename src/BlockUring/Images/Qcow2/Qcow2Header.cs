using BlockUring.Native.Codecs;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// The header with its extensions, validated (specification: "Header"). All numbers in the file are big-endian.
/// <code>
///   0  4  magic "QFI\xfb"             60  4  count of snapshots
///   4  4  version                     64  8  snapshot table offset
///   8  8  backing file name offset    from version 3 on:
///  16  4  backing file name length    72  8  incompatible features
///  20  4  cluster bits                80  8  compatible features
///  24  8  guest size in bytes         88  8  autoclear features
///  32  4  encryption method           96  4  refcount order
///  36  4  count of L1 entries        100  4  header length
///  40  8  L1 table offset            104  1  compression type (when the header is longer)
///  48  8  refcount table offset      105  7  padding
///  56  4  refcount table clusters    112  …  fields unknown here, kept
/// </code>
/// Then the extensions, then the backing file name, all inside the first cluster.
/// </summary>
internal sealed record Qcow2Header
{
    public const uint Magic = 0x514649fb;
    public const int Version2Length = 72;
    public const int MinVersion3Length = 104;
    public const int KnownLength = 112;

    /// <summary>Where the guest size is in the header; the encryption method and the L1 table's count and offset follow.</summary>
    public const int GuestLengthOffset = 24;

    /// <summary>Where the refcount table's offset is in the header; its count of clusters follows.</summary>
    public const int RefcountTableFieldOffset = 48;

    /// <summary>Where the count of snapshots is in the header; the snapshot table's offset follows.</summary>
    public const int SnapshotCountOffset = 60;

    /// <summary>Where the incompatible features are in the header.</summary>
    public const int IncompatibleOffset = 72;

    /// <summary>Where the autoclear features are in the header.</summary>
    public const int AutoclearOffset = 88;

    public required int Version { get; init; }

    public required int ClusterBits { get; init; }

    /// <summary>Guest size as the header has it; the disk ends at the last whole 512-byte sector.</summary>
    public required long GuestLength { get; init; }

    /// <summary>One of <see cref="Qcow2.EncryptionMethod"/>.</summary>
    public int EncryptionMethod { get; init; }

    /// <summary>Where the LUKS header is; null for none.</summary>
    public EncryptionExtension? Encryption { get; init; }

    public required int L1Count { get; init; }

    public required long L1Offset { get; init; }

    public required long RefcountTableOffset { get; init; }

    public required int RefcountTableClusters { get; init; }

    public int SnapshotCount { get; init; }

    public long SnapshotTableOffset { get; init; }

    public IncompatibleFeatures Incompatible { get; init; }

    public CompatibleFeatures Compatible { get; init; }

    public AutoclearFeatures Autoclear { get; init; }

    /// <summary>Log2 of the bits of a refcount.</summary>
    public int RefcountOrder { get; init; } = 4;

    public CompressionType Compression { get; init; }

    /// <summary>Header fields from byte 112 on that this version does not know.</summary>
    public byte[] UnknownFields { get; init; } = [];

    public string? BackingFileName { get; init; }

    public string? BackingFormat { get; init; }

    public string? DataFileName { get; init; }

    /// <summary>Null when there is none, or when the autoclear bit says that it cannot be trusted.</summary>
    public BitmapsExtension? Bitmaps { get; init; }

    /// <summary>Whether the bitmaps extension is there without its autoclear bit: the bitmaps are lost.</summary>
    public bool HasStaleBitmaps { get; init; }

    /// <summary>How the image keeps a log of write intents; null for not.</summary>
    public IntentsExtension? Intents { get; init; }

    /// <summary>Extensions unknown here, kept as they are, in the order of the file.</summary>
    public IReadOnlyList<HeaderExtension> UnknownExtensions { get; init; } = [];

    /// <summary>Whether the log of write intents is valid.</summary>
    public bool HasIntents => Intents != null && (Autoclear & AutoclearFeatures.WriteIntents) != 0;

    /// <summary>Bytes that the header with its extensions and names may take: the first cluster, or the half that the log of write intents leaves.</summary>
    public int Room => Intents == null ? 1 << ClusterBits : 1 << (ClusterBits - 1);

    public bool HasDataFile => (Incompatible & IncompatibleFeatures.DataFile) != 0;

    public bool HasRawDataFile => (Autoclear & AutoclearFeatures.RawDataFile) != 0;

    public bool HasSubclusters => (Incompatible & IncompatibleFeatures.ExtendedL2) != 0;

    public bool IsDirty => (Incompatible & IncompatibleFeatures.Dirty) != 0;

    public bool IsCorrupt => (Incompatible & IncompatibleFeatures.Corrupt) != 0;

    public Qcow2Geometry Geometry => new(ClusterBits, HasSubclusters, RefcountOrder);
}
