using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Reads and writes the bitmap directory (specification: "Bitmap directory"). An entry, padded to a multiple of 8:
/// <code>
///  0  8  bitmap table offset        17  1  granularity bits
///  8  4  bitmap table entries       18  2  length of the name
/// 12  4  flags: 1 in use, 2 auto    20  4  length of the extra data
/// 16  1  type, 1 dirty tracking     24  …  extra data, name
/// </code>
/// </summary>
internal static class BitmapDirectory
{
    /// <summary>Entries of a bitmap's table at most.</summary>
    public const uint MaxTableEntries = 0x8000000;

    /// <summary>Bytes of a bitmap's bits at most.</summary>
    public const long MaxBitmapBytes = 0x20000000;

    private const int WindowLength = 64 << 10;
    private const uint InUseFlag = 1;
    private const uint AutoFlag = 2;
    private const int MinGranularityBits = 9;
    private const int MaxGranularityBits = 31;

    /// <summary>Reads all entries.</summary>
    /// <exception cref="BlockException">The directory breaks the rules, with QEMU's message.</exception>
    public static async ValueTask<IReadOnlyList<Qcow2BitmapInfo>> ReadAsync(BlockFile file, Qcow2Header header, long guestLength)
    {
        if (header.Bitmaps is not { } directory)
            return [];
        if (directory.DirectoryLength == 0)
            throw Qcow2Errors.Invalid("Requested bitmap directory size is zero");
        var bitmaps = new List<Qcow2BitmapInfo>();
        using var window = new ReadWindow(file, WindowLength);
        var at = directory.DirectoryOffset;
        var end = at + directory.DirectoryLength;
        long namesKept = 0;
        while (at < end)
        {
            if (at + Qcow2BitmapInfo.FixedLength > end)
                throw Broken();
            if (bitmaps.Count >= directory.Count)
                throw Qcow2Errors.Invalid("More bitmaps found than specified in header extension");
            var head = await window.GetAsync(at, Qcow2BitmapInfo.FixedLength);
            int nameLength = BinaryPrimitives.ReadUInt16BigEndian(head.Span[18..]);
            long extraLength = BinaryPrimitives.ReadUInt32BigEndian(head.Span[20..]);
            var next = at + ((Qcow2BitmapInfo.FixedLength + extraLength + nameLength + 7) & ~7L);
            if (next > end)
                throw Broken();
            if (extraLength != 0)
                throw Qcow2Errors.Invalid("Bitmap extra data is not supported");
            var name = await window.GetAsync(at, Math.Min(Qcow2BitmapInfo.FixedLength + nameLength, WindowLength / 2));
            bitmaps.Add(Parse(name.Span, header.Geometry, guestLength));
            namesKept += nameLength;
            if (namesKept > Qcow2Limits.MaxNameBytesKept)
                throw Qcow2Errors.Limit("Requested bitmap directory size is too big");
            at = next;
        }

        return bitmaps.Count == directory.Count ? bitmaps : throw Qcow2Errors.Invalid("Less bitmaps found than specified in header extension");
    }

    /// <summary>Bytes of an entry.</summary>
    public static int EntryLength(Qcow2BitmapInfo bitmap) =>
        (Qcow2BitmapInfo.FixedLength + (bitmap.RawName?.Length ?? Encoding.UTF8.GetByteCount(bitmap.Name)) + 7) & ~7;

    /// <summary>The directory as the file has it.</summary>
    public static byte[] Serialize(IReadOnlyList<Qcow2BitmapInfo> bitmaps)
    {
        var bytes = new byte[bitmaps.Sum(EntryLength)];
        var at = 0;
        foreach (var bitmap in bitmaps)
        {
            var entry = bytes.AsSpan(at, EntryLength(bitmap));
            var name = bitmap.RawName ?? Encoding.UTF8.GetBytes(bitmap.Name);
            BinaryPrimitives.WriteUInt64BigEndian(entry, bitmap.TableOffset);
            BinaryPrimitives.WriteUInt32BigEndian(entry[8..], bitmap.TableCount);
            BinaryPrimitives.WriteUInt32BigEndian(entry[12..], (bitmap.IsInUse ? InUseFlag : 0) | (bitmap.IsAuto ? AutoFlag : 0));
            entry[16] = 1;
            entry[17] = (byte)BitOperations.Log2((ulong)bitmap.Granularity);
            BinaryPrimitives.WriteUInt16BigEndian(entry[18..], (ushort)name.Length);
            name.CopyTo(entry[Qcow2BitmapInfo.FixedLength..]);
            at += entry.Length;
        }

        return bytes;
    }

    private static Qcow2BitmapInfo Parse(ReadOnlySpan<byte> entry, Qcow2Geometry geometry, long guestLength)
    {
        var name = Encoding.UTF8.GetString(entry[Qcow2BitmapInfo.FixedLength..]);
        var flags = BinaryPrimitives.ReadUInt32BigEndian(entry[12..]);
        int granularityBits = entry[17];
        var tableOffset = BinaryPrimitives.ReadUInt64BigEndian(entry);
        var tableCount = BinaryPrimitives.ReadUInt32BigEndian(entry[8..]);
        var isValid = tableCount is > 0 and <= MaxTableEntries
            && tableOffset > 0
            && geometry.OffsetInCluster((long)tableOffset) == 0
            && granularityBits is >= MinGranularityBits and <= MaxGranularityBits
            && (flags & ~(InUseFlag | AutoFlag)) == 0
            && entry.Length - Qcow2BitmapInfo.FixedLength <= Qcow2Limits.MaxBitmapNameBytes
            && entry[16] == 1;
        var bitmapBytes = (long)tableCount << geometry.ClusterBits;
        if (!isValid || bitmapBytes > MaxBitmapBytes
            || ((flags & InUseFlag) == 0 && guestLength > (Int128)bitmapBytes * 8 << granularityBits))
        {
            throw Qcow2Errors.Invalid($"Bitmap '{name}' doesn't satisfy the constraints");
        }

        return new(name, 1L << granularityBits, (flags & InUseFlag) != 0, (flags & AutoFlag) != 0)
        {
            TableOffset = tableOffset,
            TableCount = tableCount,
            RawName = Encoding.UTF8.GetBytes(name).AsSpan().SequenceEqual(entry[Qcow2BitmapInfo.FixedLength..])
                ? null
                : entry[Qcow2BitmapInfo.FixedLength..].ToArray(),
        };
    }

    private static BlockException Broken() => Qcow2Errors.Invalid("Broken bitmap directory");
}
