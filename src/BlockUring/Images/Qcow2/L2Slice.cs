using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace BlockUring.Images.Qcow2;

/// <summary>The entries in a cached part of an L2 table, big-endian as on disk.</summary>
internal readonly ref struct L2Slice
{
    private readonly Span<ulong> words;
    private readonly bool isExtended;

    public L2Slice(Span<byte> bytes, bool isExtended)
    {
        words = MemoryMarshal.Cast<byte, ulong>(bytes);
        this.isExtended = isExtended;
    }

    public int Count => isExtended ? words.Length / 2 : words.Length;

    public L2Entry this[int index]
    {
        get => isExtended ? new(Host(words[2 * index]), Host(words[(2 * index) + 1])) : new(Host(words[index]));
        set
        {
            if (isExtended)
            {
                words[2 * index] = Host(value.Descriptor);
                words[(2 * index) + 1] = Host(value.Bitmap);
            }
            else
            {
                words[index] = Host(value.Descriptor);
            }
        }
    }

    /// <summary>How many entries from <paramref name="index"/> on are all zero bits.</summary>
    public int CountEmpty(int index)
    {
        var scale = isExtended ? 2 : 1;
        var found = words[(index * scale)..].IndexOfAnyExcept(0ul);
        return found < 0 ? Count - index : found / scale;
    }

    /// <summary>
    /// How many entries from <paramref name="index"/> on are standard data clusters in a row on the host, the first at
    /// <paramref name="hostOffset"/>. For tables without extended entries.
    /// </summary>
    public int CountContiguous(int index, int maxCount, long hostOffset, int clusterLength)
    {
        var expected = (ulong)hostOffset;
        var count = 0;
        foreach (var word in words.Slice(index, maxCount))
        {
            if ((Host(word) & L2Entry.MeaningMask) != expected)
                break;
            expected += (ulong)clusterLength;
            count++;
        }

        return count;
    }

    private static ulong Host(ulong word) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(word) : word;
}
