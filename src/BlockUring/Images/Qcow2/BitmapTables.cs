using System.Buffers.Binary;
using BlockUring.Bitmaps;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
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

    /// <summary>An entry without a cluster: all bits are ones.</summary>
    public const ulong OnesFlag = 1;

    private const ulong OffsetMask = 0x00fffffffffffe00;
    private const int ReadLength = 64 << 10;

    private long bytesRead;

    /// <summary>Bytes of all bits of a bitmap: QEMU stores whole words.</summary>
    public static long BytesFor(long granularity, long guestLength)
    {
        var bits = (guestLength / granularity) + (guestLength % granularity == 0 ? 0 : 1);
        return (bits + 63) / 64 * 8;
    }

    /// <summary>Demands of all bitmaps what QEMU demands when it loads them at opening.</summary>
    /// <exception cref="BlockException">A table is corrupt or of the wrong length.</exception>
    public async ValueTask DemandLoadableAsync(IReadOnlyList<Qcow2BitmapInfo> bitmaps, long guestLength)
    {
        var names = new HashSet<string>();
        foreach (var bitmap in bitmaps)
        {
            if (!names.Add(bitmap.Name) && !bitmap.IsInUse)
                throw Qcow2Errors.Invalid($"Bitmap already exists: {bitmap.Name}");
            // What is marked as in use cannot be trusted, and is not loaded.
            if (bitmap.IsInUse)
                continue;
            await DemandLoadableAsync(bitmap, guestLength);
        }
    }

    /// <summary>Makes chunks of a clean bitmap dirty as the file says.</summary>
    /// <exception cref="BlockException">A table is corrupt or of the wrong length, or something cannot be read.</exception>
    public async ValueTask LoadAsync(Qcow2BitmapInfo info, DirtyBitmap bitmap)
    {
        await DemandLoadableAsync(info, bitmap.Length);
        var entries = new List<(long Index, ulong Entry)>();
        long index = 0;
        await ReadAsync(info, entry =>
        {
            if (entry != 0)
                entries.Add((index, entry));
            index++;
        });
        var chunkCount = geometry.ClusterLength * 8L;
        using var buffer = file.Buffers.Rent(geometry.ClusterLength);
        foreach (var (place, entry) in entries)
        {
            if ((entry & OffsetMask) == 0)
            {
                var start = place * chunkCount * info.Granularity;
                if (start < bitmap.Length)
                    bitmap.Set(start, Math.Min(chunkCount * info.Granularity, bitmap.Length - start));
                continue;
            }

            Count(geometry.ClusterLength, (long)(entry & OffsetMask));
            await ReadBitsAsync(info, (long)(entry & OffsetMask), buffer.Memory);
            bitmap.IncludeBits(place * chunkCount, buffer.Span);
        }
    }

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

    private async ValueTask DemandLoadableAsync(Qcow2BitmapInfo bitmap, long guestLength)
    {
        var errno = await ErrorOfAsync(bitmap);
        if (errno != 0)
        {
            throw new BlockException(
                BlockException.KindOf(errno), $"Could not read bitmap_table table from image for bitmap '{bitmap.Name}': {Errno.Message(errno)}", errno);
        }

        if (bitmap.TableCount != geometry.ClustersFor(BytesFor(bitmap.Granularity, guestLength)))
            throw Unreadable(bitmap, Errno.EINVAL);
    }

    private async ValueTask ReadBitsAsync(Qcow2BitmapInfo bitmap, long hostOffset, IoMemory destination)
    {
        try
        {
            await file.ReadAsync(hostOffset, destination);
        }
        catch (BlockException e)
        {
            throw Unreadable(bitmap, e.ErrorNumber);
        }
    }

    private static BlockException Unreadable(Qcow2BitmapInfo bitmap, int errno) =>
        new(BlockException.KindOf(errno), $"Could not read bitmap '{bitmap.Name}' from image: {Errno.Message(errno)}", errno);

    // Why: each table is read twice or three times; more than that means that tables of a hostile image overlap.
    private void Count(long length, long hostOffset)
    {
        bytesRead += length;
        if (bytesRead / 4 > file.Length + L2TableWalk.SlackBytes)
            throw Qcow2Errors.Corrupt(file.Path, hostOffset, "the tables of its bitmaps overlap");
    }

    private async ValueTask<int> ErrorOfAsync(Qcow2BitmapInfo bitmap)
    {
        try
        {
            return await AreValidAsync(bitmap) ? 0 : Errno.EINVAL;
        }
        catch (BlockException e)
        {
            return e.ErrorNumber;
        }
    }

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
            Count(part, at);
            await file.ReadAsync(at, buffer.Memory.Slice(0, part));
            for (var i = 0; i < part; i += EntryLength)
                found(BinaryPrimitives.ReadUInt64BigEndian(buffer.Span[i..]));
        }
    }
}
