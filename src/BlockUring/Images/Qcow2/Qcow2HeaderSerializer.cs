using System.Buffers.Binary;
using System.Text;

namespace BlockUring.Images.Qcow2;

/// <summary>Writes a header, its extensions and the backing file name as the first cluster has them.</summary>
internal static class Qcow2HeaderSerializer
{
    // Why: the table takes 392 bytes and would leave no room for a backing file name in the smallest clusters; QEMU draws the line here too.
    private const int MinClusterLengthForFeatureNames = 8192;

    /// <summary>Fills the whole first cluster.</summary>
    /// <param name="header">What to write.</param>
    /// <param name="cluster">One cluster; all of it is set.</param>
    /// <param name="withFeatureNames">Whether the names of features are wanted, where there is room for them.</param>
    /// <returns>False when extensions and names do not fit the cluster; its content is then undefined.</returns>
    public static bool TrySerialize(Qcow2Header header, Span<byte> cluster, bool withFeatureNames = true) =>
        TrySerialize(header, cluster, withFeatureNames, 0, out _);

    /// <summary>Whether the names of features are written, which only messages need.</summary>
    public static bool HasFeatureNames(Qcow2Header header, int clusterLength) =>
        header.Version >= 3 && clusterLength >= MinClusterLengthForFeatureNames;

    /// <summary>As <see cref="TrySerialize(Qcow2Header, Span{byte}, bool)"/>, in another layout.</summary>
    /// <param name="header">What to write.</param>
    /// <param name="cluster">One cluster; all of it is set.</param>
    /// <param name="withFeatureNames">Whether the names of features are wanted, where there is room for them.</param>
    /// <param name="nameOffset">Where the backing file name goes, behind the extensions; 0 for right behind them.</param>
    /// <param name="end">One past the last byte of the extensions.</param>
    /// <returns>False when extensions and names do not fit the cluster; its content is then undefined.</returns>
    public static bool TrySerialize(Qcow2Header header, Span<byte> cluster, bool withFeatureNames, int nameOffset, out int end)
    {
        cluster.Clear();
        end = WriteFields(header, cluster);
        return TryExtensions(header, cluster, withFeatureNames, ref end)
            && TryBackingName(header.BackingFileName, cluster, nameOffset == 0 ? end : nameOffset);
    }

    private static bool TryExtensions(Qcow2Header header, Span<byte> cluster, bool withFeatureNames, ref int at)
    {
        // Why bitmaps first: there the extension lies in the first sector, so that pointing it elsewhere is one write that cannot tear.
        var fits = TryBitmaps(header.Bitmaps, cluster, ref at)
            && TryIntents(header.Intents, cluster, ref at)
            && TryExtension(header.BackingFormat, HeaderExtension.BackingFormat, cluster, ref at)
            && TryExtension(header.HasDataFile ? header.DataFileName : null, HeaderExtension.DataFileName, cluster, ref at)
            && TryEncryption(header.Encryption, cluster, ref at)
            && (!withFeatureNames || !HasFeatureNames(header, cluster.Length)
                || TryExtension(FeatureNames.Serialize(), HeaderExtension.FeatureNames, cluster, ref at));
        foreach (var extension in header.UnknownExtensions)
            fits = fits && TryExtension(extension.Data, extension.Type, cluster, ref at);
        return fits && TryExtension([], HeaderExtension.End, cluster, ref at);
    }

    private static int WriteFields(Qcow2Header header, Span<byte> cluster)
    {
        U32(cluster, 0, Qcow2Header.Magic);
        U32(cluster, 4, (uint)header.Version);
        U32(cluster, 20, (uint)header.ClusterBits);
        U64(cluster, 24, (ulong)header.GuestLength);
        U32(cluster, 32, (uint)header.EncryptionMethod);
        U32(cluster, 36, (uint)header.L1Count);
        U64(cluster, 40, (ulong)header.L1Offset);
        U64(cluster, 48, (ulong)header.RefcountTableOffset);
        U32(cluster, 56, (uint)header.RefcountTableClusters);
        U32(cluster, 60, (uint)header.SnapshotCount);
        U64(cluster, 64, (ulong)header.SnapshotTableOffset);
        if (header.Version == 2)
            return Qcow2Header.Version2Length;

        var length = checked(Qcow2Header.KnownLength + header.UnknownFields.Length);
        U64(cluster, 72, (ulong)header.Incompatible);
        U64(cluster, 80, (ulong)header.Compatible);
        U64(cluster, 88, (ulong)header.Autoclear);
        U32(cluster, 96, (uint)header.RefcountOrder);
        U32(cluster, 100, (uint)length);
        cluster[104] = (byte)header.Compression;
        header.UnknownFields.CopyTo(cluster[Qcow2Header.KnownLength..]);
        return length;
    }

    private static bool TryBitmaps(BitmapsExtension? bitmaps, Span<byte> cluster, ref int at)
    {
        if (bitmaps == null)
            return true;
        Span<byte> data = stackalloc byte[BitmapsExtension.Bytes];
        U32(data, 0, (uint)bitmaps.Count);
        U32(data, 4, 0);
        U64(data, 8, (ulong)bitmaps.DirectoryLength);
        U64(data, 16, (ulong)bitmaps.DirectoryOffset);
        return TryExtension(data, HeaderExtension.Bitmaps, cluster, ref at);
    }

    private static bool TryIntents(IntentsExtension? intents, Span<byte> cluster, ref int at)
    {
        if (intents == null)
            return true;
        Span<byte> data = stackalloc byte[IntentsExtension.Bytes];
        intents.Write(data);
        return TryExtension(data, HeaderExtension.WriteIntents, cluster, ref at);
    }

    private static bool TryEncryption(EncryptionExtension? encryption, Span<byte> cluster, ref int at)
    {
        if (encryption == null)
            return true;
        Span<byte> data = stackalloc byte[EncryptionExtension.Bytes];
        U64(data, 0, (ulong)encryption.Offset);
        U64(data, 8, (ulong)encryption.Length);
        return TryExtension(data, HeaderExtension.Encryption, cluster, ref at);
    }

    private static bool TryExtension(string? text, uint type, Span<byte> cluster, ref int at) =>
        text == null || TryExtension(Encoding.UTF8.GetBytes(text), type, cluster, ref at);

    private static bool TryExtension(ReadOnlySpan<byte> data, uint type, Span<byte> cluster, ref int at)
    {
        var end = checked(at + 8 + ((data.Length + 7) & ~7));
        if (end > cluster.Length)
            return false;
        U32(cluster, at, type);
        U32(cluster, at + 4, (uint)data.Length);
        data.CopyTo(cluster[(at + 8)..]);
        at = end;
        return true;
    }

    private static bool TryBackingName(string? name, Span<byte> cluster, int at)
    {
        if (name == null)
            return true;
        var bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length > cluster.Length - at)
            return false;
        bytes.CopyTo(cluster[at..]);
        U64(cluster, 8, (ulong)at);
        U32(cluster, 16, (uint)bytes.Length);
        return true;
    }

    private static void U32(Span<byte> bytes, int at, uint value) => BinaryPrimitives.WriteUInt32BigEndian(bytes[at..], value);

    private static void U64(Span<byte> bytes, int at, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(bytes[at..], value);
}
