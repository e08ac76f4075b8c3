using System.Buffers.Binary;
using System.Text;
using BlockUring.Native.Codecs;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Reads the header out of the first cluster and checks every field. Pure: bytes in, header or <see cref="BlockException"/> out.</summary>
internal static class Qcow2HeaderParser
{
    private const int ExtensionHeaderLength = 8;

    /// <summary>How many bytes of the file's head <see cref="Parse"/> wants to see.</summary>
    /// <param name="head">At least 512 bytes.</param>
    /// <returns>At most a cluster; <paramref name="head"/>'s length when that is enough.</returns>
    public static int NeededLength(ReadOnlySpan<byte> head)
    {
        var clusterBits = U32(head, 20);
        if (U32(head, 0) != Qcow2Header.Magic || clusterBits is < Qcow2Limits.MinClusterBits or > Qcow2Limits.MaxClusterBits)
            return head.Length;
        var clusterLength = 1 << (int)clusterBits;
        if (clusterLength <= head.Length)
            return head.Length;

        var nameOffset = U64(head, 8);
        if (nameOffset > (ulong)clusterLength || nameOffset + U32(head, 16) > (ulong)head.Length)
            return clusterLength;
        var end = nameOffset == 0 ? (ulong)clusterLength : nameOffset;
        ulong at = U32(head, 4) == 2 ? Qcow2Header.Version2Length : U32(head, 100);
        while (at < end)
        {
            if (at + ExtensionHeaderLength > (ulong)head.Length)
                return clusterLength;
            if (U32(head, (int)at) == HeaderExtension.End)
                break;
            at += ExtensionHeaderLength + (((ulong)U32(head, (int)at + 4) + 7) & ~7ul);
        }

        return at > (ulong)head.Length ? clusterLength : head.Length;
    }

    /// <summary>Parses and validates.</summary>
    /// <param name="head">The first cluster, or as much of it as <see cref="NeededLength"/> asked for.</param>
    /// <param name="forCheck">Whether the image is opened to be checked: then the snapshot table's place is not looked at, and no snapshots are listed.</param>
    /// <exception cref="BlockException">The message is QEMU's where it has one; it does not name the file.</exception>
    public static Qcow2Header Parse(ReadOnlySpan<byte> head, bool forCheck = false)
    {
        var version = CheckMagicAndVersion(head);
        var clusterBits = U32(head, 20);
        if (clusterBits is < Qcow2Limits.MinClusterBits or > Qcow2Limits.MaxClusterBits)
            throw Invalid($"Unsupported cluster size: 2^{clusterBits}");
        var clusterLength = 1 << (int)clusterBits;
        var headerLength = HeaderLength(head, version, clusterLength);
        var nameOffset = U64(head, 8);
        if (nameOffset > (ulong)clusterLength)
            throw Invalid("Invalid backing file offset");

        var header = new Qcow2Header
        {
            Version = version,
            ClusterBits = (int)clusterBits,
            GuestLength = GuestLength(head),
            EncryptionMethod = (int)Math.Min(U32(head, 32), int.MaxValue),
            L1Count = 0,
            L1Offset = 0,
            RefcountTableOffset = 0,
            RefcountTableClusters = 0,
            Incompatible = version < 3 ? 0 : (IncompatibleFeatures)U64(head, 72),
            Compatible = version < 3 ? 0 : (CompatibleFeatures)U64(head, 80),
            Autoclear = version < 3 ? 0 : (AutoclearFeatures)U64(head, 88),
            RefcountOrder = 4,
            Compression = (CompressionType)(headerLength > 104 ? head[104] : 0),
            UnknownFields = headerLength > Qcow2Header.KnownLength ? head[Qcow2Header.KnownLength..headerLength].ToArray() : [],
        };
        CheckCompression(header);
        var extensions = nameOffset == 0 ? clusterLength : (int)nameOffset;
        CheckFeatures(header, head, headerLength, extensions);
        header = header with { RefcountOrder = RefcountOrder(head, version) };
        header = WithTables(header, head, forCheck);
        header = WithExtensions(header, head, headerLength, extensions);
        return header with { BackingFileName = BackingFileName(head, (int)nameOffset, clusterLength) };
    }

    private static int CheckMagicAndVersion(ReadOnlySpan<byte> head)
    {
        if (U32(head, 0) != Qcow2Header.Magic)
            throw Invalid("Image is not in qcow2 format");
        var version = U32(head, 4);
        return version is 2 or 3
            ? (int)version
            : throw new BlockException(BlockErrorKind.Unsupported, $"Unsupported qcow2 version {version}");
    }

    private static int HeaderLength(ReadOnlySpan<byte> head, int version, int clusterLength)
    {
        if (version == 2)
            return Qcow2Header.Version2Length;
        var length = U32(head, 100);
        if (length < Qcow2Header.MinVersion3Length)
            throw Invalid("qcow2 header too short");
        return length <= clusterLength ? (int)length : throw Invalid("qcow2 header exceeds cluster size");
    }

    private static long GuestLength(ReadOnlySpan<byte> head)
    {
        var length = U64(head, 24);
        return length <= long.MaxValue ? (long)length : throw new BlockException(BlockErrorKind.Limit, "Image is too big");
    }

    private static void CheckCompression(Qcow2Header header)
    {
        var hasBit = (header.Incompatible & IncompatibleFeatures.Compression) != 0;
        if (header.Compression is not (CompressionType.Zlib or CompressionType.Zstd))
            throw new BlockException(BlockErrorKind.Unsupported, $"qcow2: unknown compression type: {(int)header.Compression}");
        if (header.Compression == CompressionType.Zlib && hasBit)
            throw Invalid("qcow2: Compression type incompatible feature bit must not be set");
        if (header.Compression != CompressionType.Zlib && !hasBit)
            throw Invalid("qcow2: Compression type incompatible feature bit must be set");
    }

    private static void CheckFeatures(Qcow2Header header, ReadOnlySpan<byte> head, int start, int end)
    {
        var unknown = (ulong)(header.Incompatible & ~IncompatibleFeatures.Known);
        if (unknown != 0)
        {
            var names = FindExtension(head, start, end, HeaderExtension.FeatureNames);
            throw new BlockException(BlockErrorKind.Unsupported, $"Unsupported qcow2 feature(s): {FeatureNames.Describe(names, unknown)}");
        }

        var subclusterBits = header.ClusterBits - (header.HasSubclusters ? 5 : 0);
        if (subclusterBits < Qcow2Limits.MinClusterBits)
            throw Invalid($"Unsupported subcluster size: {1 << subclusterBits}");
    }

    private static int RefcountOrder(ReadOnlySpan<byte> head, int version)
    {
        if (version == 2)
            return 4;
        var order = U32(head, 96);
        return order <= 6 ? (int)order : throw Invalid("Reference count entry width too large; may not exceed 64 bits");
    }

    private static Qcow2Header WithTables(Qcow2Header header, ReadOnlySpan<byte> head, bool forCheck)
    {
        var geometry = header.Geometry;
        var refcountClusters = U32(head, 56);
        if (refcountClusters == 0 && !forCheck)
            throw Invalid("Image does not contain a reference count table");
        var l1Count = U32(head, 36);
        var (snapshotCount, snapshotOffset) = forCheck ? (0, 0) : (U32(head, 60), U64(head, 64));
        var refcountTable = TableOffset(
            geometry, U64(head, 48), refcountClusters, geometry.ClusterLength, Qcow2Limits.MaxRefcountTableBytes, "Reference count table");
        var snapshots = TableOffset(
            geometry, snapshotOffset, snapshotCount, Qcow2Snapshot.FixedLength, Qcow2Snapshot.FixedLength * Qcow2Limits.MaxSnapshots, "Snapshot table");
        var l1 = TableOffset(geometry, U64(head, 40), l1Count, 8, Qcow2Limits.MaxL1Bytes, "Active L1 table");
        var needed = geometry.L1CountFor(header.GuestLength);
        if (needed > int.MaxValue)
            throw new BlockException(BlockErrorKind.Limit, "Image is too big");
        if (l1Count < needed)
            throw Invalid("L1 table is too small");
        return header with
        {
            L1Count = (int)l1Count,
            L1Offset = l1,
            RefcountTableOffset = refcountTable,
            RefcountTableClusters = (int)refcountClusters,
            SnapshotCount = (int)snapshotCount,
            SnapshotTableOffset = snapshots,
        };
    }

    /// <summary>Checks a table's place: "NAME too large", "NAME offset invalid".</summary>
    /// <returns>The offset, cluster-aligned, of 56 bits at most.</returns>
    public static long TableOffset(Qcow2Geometry geometry, ulong offset, uint count, int entryLength, int maxBytes, string name)
    {
        if (count > maxBytes / entryLength)
            throw new BlockException(BlockErrorKind.Limit, $"{name} too large");
        if (offset > (ulong)Qcow2Limits.MaxHostOffset || geometry.OffsetInCluster((long)offset) != 0)
            throw Invalid($"{name} offset invalid");
        return (long)offset;
    }

    private static Qcow2Header WithExtensions(Qcow2Header header, ReadOnlySpan<byte> head, int at, int end)
    {
        var unknown = new List<HeaderExtension>();
        while (at < end)
        {
            var (type, data) = Extension(head, at, end);
            if (type == HeaderExtension.End)
                break;
            header = WithExtension(header, type, data, unknown);
            at = NextExtension(at, data.Length);
        }

        return header with { UnknownExtensions = unknown };
    }

    private static Qcow2Header WithExtension(Qcow2Header header, uint type, ReadOnlySpan<byte> data, List<HeaderExtension> unknown)
    {
        switch (type)
        {
            case HeaderExtension.BackingFormat:
                if (data.Length > Qcow2Limits.MaxBackingFormatBytes)
                    throw Invalid($"ERROR: ext_backing_format: len={data.Length} too large (>={Qcow2Limits.MaxBackingFormatBytes + 1})");
                return header with { BackingFormat = Text(data) };
            case HeaderExtension.DataFileName:
                return header with { DataFileName = Text(data) };
            case HeaderExtension.FeatureNames:
                return header;
            case HeaderExtension.Bitmaps:
                return WithBitmaps(header, data);
            case HeaderExtension.WriteIntents when WriteIntents.FitsClusters(header) && IntentsExtension.Parse(data) is { } intents:
                return header with { Intents = intents };
            case HeaderExtension.Encryption:
                return WithEncryption(header, data);
            default:
                unknown.Add(new HeaderExtension(type, data.ToArray()));
                return header;
        }
    }

    private static Qcow2Header WithEncryption(Qcow2Header header, ReadOnlySpan<byte> data)
    {
        if (header.EncryptionMethod != EncryptionMethod.Luks)
            throw Invalid("CRYPTO header extension only expected with LUKS encryption method");
        if (data.Length != EncryptionExtension.Bytes)
            throw Invalid($"CRYPTO header extension size {data.Length}, but expected size {EncryptionExtension.Bytes}");
        var (offset, length) = (U64(data, 0), U64(data, 8));
        if (offset > (ulong)Qcow2Limits.MaxHostOffset || header.Geometry.OffsetInCluster((long)offset) != 0)
            throw Invalid($"Encryption header offset '{offset}' is not a multiple of cluster size '{header.Geometry.ClusterLength}'");
        if (length > (ulong)Qcow2Limits.MaxHostOffset)
            throw Invalid($"Encryption header length '{length}' is too large");
        return header with { Encryption = new EncryptionExtension((long)offset, (long)length) };
    }

    private static Qcow2Header WithBitmaps(Qcow2Header header, ReadOnlySpan<byte> data)
    {
        if (data.Length != BitmapsExtension.Bytes)
            throw Invalid("bitmaps_ext: Invalid extension length");
        if ((header.Autoclear & AutoclearFeatures.Bitmaps) == 0)
            return header with { HasStaleBitmaps = true };
        if (U32(data, 4) != 0)
            throw Invalid("bitmaps_ext: Reserved field is not zero");
        var count = U32(data, 0);
        if (count > Qcow2Limits.MaxBitmaps)
        {
            throw new BlockException(
                BlockErrorKind.Limit, $"bitmaps_ext: Image has {count} bitmaps, exceeding the QEMU supported maximum of {Qcow2Limits.MaxBitmaps}");
        }

        if (count == 0)
            throw Invalid("found bitmaps extension with zero bitmaps");
        var (length, offset) = (U64(data, 8), U64(data, 16));
        if (offset > (ulong)Qcow2Limits.MaxHostOffset || header.Geometry.OffsetInCluster((long)offset) != 0)
            throw Invalid("bitmaps_ext: invalid bitmap directory offset");
        if (length > Qcow2Limits.MaxBitmapDirectoryBytes)
        {
            throw new BlockException(
                BlockErrorKind.Limit,
                $"bitmaps_ext: bitmap directory size ({length}) exceeds the maximum supported size ({Qcow2Limits.MaxBitmapDirectoryBytes})");
        }

        return header with { Bitmaps = new BitmapsExtension((int)count, (long)length, (long)offset) };
    }

    private static string? BackingFileName(ReadOnlySpan<byte> head, int offset, int clusterLength)
    {
        if (offset == 0)
            return null;
        var length = U32(head, 16);
        if (length > Math.Min(Qcow2Limits.MaxBackingNameBytes, clusterLength - offset))
            throw Invalid("Backing file name too long");
        return Text(head.Slice(offset, (int)length));
    }

    private static ReadOnlySpan<byte> FindExtension(ReadOnlySpan<byte> head, int at, int end, uint wanted)
    {
        while (at < end)
        {
            if (!TryExtension(head, at, end, out var type, out var data) || type == HeaderExtension.End)
                break;
            if (type == wanted)
                return data;
            at = NextExtension(at, data.Length);
        }

        return default;
    }

    private static (uint Type, byte[] Data) Extension(ReadOnlySpan<byte> head, int at, int end) =>
        TryExtension(head, at, end, out var type, out var data)
            ? (type, data.ToArray())
            : throw Invalid("Header extension too large");

    private static bool TryExtension(ReadOnlySpan<byte> head, int at, int end, out uint type, out ReadOnlySpan<byte> data)
    {
        type = HeaderExtension.End;
        data = default;
        var start = at + ExtensionHeaderLength;
        if (start > end)
            return false;
        type = U32(head, at);
        var length = U32(head, at + 4);
        if (length > end - start)
            return false;
        if (type != HeaderExtension.End)
            data = head.Slice(start, (int)length);
        return true;
    }

    private static int NextExtension(int at, int dataLength) => checked(at + ExtensionHeaderLength + ((dataLength + 7) & ~7));

    // Why: QEMU handles names as C strings, so a name ends at its first NUL.
    private static string Text(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64BigEndian(bytes[at..]);

    private static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message);
}
