using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// The refcounts in a block: unsigned numbers of 2^order bits (specification: "Refcount block entry"). Those of whole bytes are big-endian;
/// in the smaller ones the first is in the lowest bits of its byte.
/// </summary>
internal static class RefcountEntries
{
    /// <summary>The largest count of that width.</summary>
    public static ulong Max(int order) => order == 6 ? ulong.MaxValue : (1ul << (1 << order)) - 1;

    /// <summary>The count at an index.</summary>
    public static ulong Get(ReadOnlySpan<byte> block, int order, int index) => order switch
    {
        3 => block[index],
        4 => BinaryPrimitives.ReadUInt16BigEndian(block[(index * 2)..]),
        5 => BinaryPrimitives.ReadUInt32BigEndian(block[(index * 4)..]),
        6 => BinaryPrimitives.ReadUInt64BigEndian(block[(index * 8)..]),
        _ => (ulong)(block[index >> (3 - order)] >> BitShift(order, index)) & Max(order),
    };

    /// <summary>Sets the count at an index; it must not exceed <see cref="Max"/>.</summary>
    public static void Set(Span<byte> block, int order, int index, ulong count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Max(order));
        switch (order)
        {
            case 3:
                block[index] = (byte)count;
                break;
            case 4:
                BinaryPrimitives.WriteUInt16BigEndian(block[(index * 2)..], (ushort)count);
                break;
            case 5:
                BinaryPrimitives.WriteUInt32BigEndian(block[(index * 4)..], (uint)count);
                break;
            case 6:
                BinaryPrimitives.WriteUInt64BigEndian(block[(index * 8)..], count);
                break;
            default:
                ref var packed = ref block[index >> (3 - order)];
                var shift = BitShift(order, index);
                packed = (byte)((packed & ~((int)Max(order) << shift)) | ((int)count << shift));
                break;
        }
    }

    /// <summary>Sets the first <paramref name="count"/> counts to one and the others to zero.</summary>
    public static void FillOnes(Span<byte> block, int order, long count)
    {
        block.Clear();
        var total = ((long)block.Length * 8) >> order;
        count = Math.Min(count, total);
        if (order < 3)
        {
            var whole = (int)(count >> (3 - order));
            block[..whole].Fill(order switch { 0 => 0xff, 1 => 0x55, _ => 0x11 });
            for (var index = whole << (3 - order); index < count; index++)
                Set(block, order, index, 1);
            return;
        }

        var width = 1 << (order - 3);
        for (var at = width - 1; at < count * width; at += width)
            block[at] = 1;
    }

    /// <summary>How many of the first <paramref name="entryCount"/> counts are not zero.</summary>
    public static int CountUsed(ReadOnlySpan<byte> block, int order, int entryCount)
    {
        var used = 0;
        if (order == 4)
        {
            foreach (var entry in MemoryMarshal.Cast<byte, ushort>(block)[..entryCount])
                used += entry != 0 ? 1 : 0;
            return used;
        }

        for (var i = 0; i < entryCount; i++)
            used += Get(block, order, i) != 0 ? 1 : 0;
        return used;
    }

    private static int BitShift(int order, int index) => (index & ((8 >> order) - 1)) << order;
}
