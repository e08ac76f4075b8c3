using System.Buffers.Binary;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Reads the tables of bitmaps (specification: "Bitmap table"). An entry:
/// <code>
///  0        without an offset: all bits of the cluster are ones; else reserved
///  1 –  8   reserved
///  9 – 55   host offset of the cluster with the bits, cluster-aligned; 0 when there is none
/// 56 – 63   reserved
/// </code>
/// </summary>
internal sealed class BitmapTables(BlockFile file, Qcow2Geometry geometry)
{
    public const int EntryLength = 8;

    private const ulong OffsetMask = 0x00fffffffffffe00;
    private const ulong OnesFlag = 1;
    private const int ReadLength = 64 << 10;

    private long bytesRead;

    /// <summary>Whether all entries of a table keep the rules.</summary>
    public async ValueTask<bool> AreValidAsync(Qcow2BitmapInfo bitmap)
    {
        var areValid = true;
        await ReadAsync(bitmap, entry => areValid &= IsValid(entry));
        return areValid;
    }

    /// <summary>The host offsets of all clusters with bits.</summary>
    public ValueTask ForEachAsync(Qcow2BitmapInfo bitmap, Action<long> found) => ReadAsync(bitmap, entry =>
    {
        if ((entry & OffsetMask) != 0)
            found((long)(entry & OffsetMask));
    });

    private bool IsValid(ulong entry)
    {
        var offset = entry & OffsetMask;
        return (entry & ~(OffsetMask | OnesFlag)) == 0
            && (offset == 0 || ((entry & OnesFlag) == 0 && geometry.OffsetInCluster((long)offset) == 0));
    }

    private async ValueTask ReadAsync(Qcow2BitmapInfo bitmap, Action<ulong> found)
    {
        var length = (long)bitmap.TableCount * EntryLength;
        if (bitmap.TableOffset > (ulong)(Qcow2Limits.MaxFileLength - length))
            throw BlockException.FromErrno(Errno.EIO, "Could not read", file.Path, (long)bitmap.TableOffset);
        var end = Math.Min((long)bitmap.TableOffset + length, file.Length);
        using var buffer = file.Buffers.Rent(ReadLength);
        for (var at = (long)bitmap.TableOffset; at < end; at += ReadLength)
        {
            var part = (int)Math.Min(ReadLength, (end - at + EntryLength - 1) & -EntryLength);
            // Why: each table is read twice or three times; more than that means that tables of a hostile image overlap.
            bytesRead += part;
            if (bytesRead / 4 > file.Length + L2TableWalk.SlackBytes)
                throw Qcow2Errors.Corrupt(file.Path, at, "the tables of its bitmaps overlap");
            await file.ReadAsync(at, buffer.Memory.Slice(0, part));
            for (var i = 0; i < part; i += EntryLength)
                found(BinaryPrimitives.ReadUInt64BigEndian(buffer.Span[i..]));
        }
    }
}
