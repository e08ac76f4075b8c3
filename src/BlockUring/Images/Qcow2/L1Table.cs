using System.Buffers.Binary;
using System.Runtime.InteropServices;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// An L1 table in memory: one entry of 8 bytes for each L2 table (specification: "L1 table entry").
/// <code>
///  bits  0 –  8  reserved
///        9 – 55  host offset of the L2 table, cluster-aligned; 0 when there is none
///       56 – 62  reserved
///            63  the table's refcount is exactly one
/// </code>
/// </summary>
internal sealed class L1Table
{
    public const ulong OffsetMask = 0x00fffffffffffe00;
    public const ulong CopiedFlag = 1ul << 63;
    public const int EntryLength = 8;

    private const int ReadLength = 256 << 10;

    private ulong[] entries;

    private L1Table(long offset, int count, ulong[] entries)
    {
        Offset = offset;
        Count = count;
        this.entries = entries;
    }

    /// <summary>Where the table is in the file.</summary>
    public long Offset { get; }

    /// <summary>Entries that the header gives the table.</summary>
    public int Count { get; }

    /// <summary>The whole entry; 0 for an index at or beyond <see cref="Count"/>.</summary>
    public ulong this[long index]
    {
        get => index < entries.Length ? entries[index] : 0;
        set
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            if (index >= entries.Length)
                Array.Resize(ref entries, Count);
            entries[index] = value;
        }
    }

    /// <summary>Host offset of the L2 table, 0 for none.</summary>
    public long L2Offset(long index) => (long)(this[index] & OffsetMask);

    /// <summary>How many entries from <paramref name="index"/> on are 0, looking no further than <paramref name="maxCount"/>.</summary>
    public long CountEmpty(long index, long maxCount)
    {
        if (index >= entries.Length)
            return maxCount;
        var window = entries.AsSpan((int)index, (int)Math.Min(maxCount, entries.Length - index));
        var found = window.IndexOfAnyExcept(0ul);
        if (found >= 0)
            return found;
        return index + window.Length >= entries.Length ? maxCount : window.Length;
    }

    /// <summary>
    /// Reads a table. What lies beyond the end of the file reads as zeroes and takes no memory; so do entries with flags and no table, which only a
    /// broken image has.
    /// </summary>
    public static async ValueTask<L1Table> ReadAsync(BlockFile file, long offset, int count)
    {
        var bytes = Math.Clamp(file.Length - offset, 0, (long)count * EntryLength);
        var entries = new ulong[(int)((bytes + EntryLength - 1) / EntryLength)];
        if (entries.Length > 0)
        {
            using var buffer = file.Buffers.Rent((int)Math.Min(ReadLength, (long)entries.Length * EntryLength));
            for (var done = 0; done < entries.Length;)
            {
                var part = Math.Min(buffer.Length / EntryLength, entries.Length - done);
                await file.ReadAsync(offset + ((long)done * EntryLength), buffer.Memory.Slice(0, part * EntryLength));
                FromBigEndian(buffer.Span[..(part * EntryLength)], entries.AsSpan(done, part));
                done += part;
            }
        }

        return new L1Table(offset, count, entries);
    }

    /// <summary>A table of these entries; they are the table's from now on.</summary>
    public static L1Table Of(long offset, ulong[] entries) => new(offset, entries.Length, entries);

    /// <summary>A table of the same entries elsewhere, or of another count: entries beyond are left out, further ones are 0.</summary>
    public L1Table Moved(long offset, int count) => new(offset, count, entries[..Math.Min(entries.Length, count)]);

    /// <summary>A copy of the entries <paramref name="first"/> to <paramref name="last"/>.</summary>
    public ulong[] Copy(long first, long last)
    {
        var copy = new ulong[last - first + 1];
        for (var i = 0; i < copy.Length; i++)
            copy[i] = this[first + i];
        return copy;
    }

    /// <summary>Writes entries, as <see cref="Copy"/> gave them, to the file.</summary>
    /// <param name="file">The image's file.</param>
    /// <param name="first">The index of the first.</param>
    /// <param name="values">The entries.</param>
    public async ValueTask WriteAsync(BlockFile file, long first, ulong[] values)
    {
        using var buffer = file.Buffers.Rent(Math.Min(ReadLength, values.Length * EntryLength));
        for (var done = 0; done < values.Length;)
        {
            var count = Math.Min(buffer.Length / EntryLength, values.Length - done);
            for (var i = 0; i < count; i++)
                BinaryPrimitives.WriteUInt64BigEndian(buffer.Span[(i * EntryLength)..], values[done + i]);
            await file.WriteAsync(Offset + ((first + done) * EntryLength), buffer.Memory.Slice(0, count * EntryLength));
            done += count;
        }
    }

    private static void FromBigEndian(ReadOnlySpan<byte> source, Span<ulong> destination)
    {
        MemoryMarshal.Cast<byte, ulong>(source).CopyTo(destination);
        if (BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(destination, destination);
        foreach (ref var entry in destination)
        {
            if ((entry & OffsetMask) == 0)
                entry = 0;
        }
    }
}
