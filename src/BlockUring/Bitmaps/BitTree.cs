using System.Numerics;

namespace BlockUring.Bitmaps;

/// <summary>
/// Many bits, few of them interesting: a tree of fan-out 64 whose uniform parts take no memory. Finding the next bit and setting a range, however
/// long, take time in proportion to the depth.
/// </summary>
internal sealed class BitTree
{
    /// <summary>The most bits that a tree can have.</summary>
    public const long MaxLength = 1L << 60;

    private const int WordBits = 6;
    private const int LeafBits = 12;

    // Why: bits that are set and reset by turns must not make and drop a page each time.
    private const int MaxSpares = 32;

    private readonly Stack<BitNode> spareLeaves = new();
    private readonly Stack<BitNode> spareInners = new();
    private BitNode? root;
    private int rootLevel;

    /// <summary>Makes a tree of zeroes.</summary>
    public BitTree(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxLength);
        Length = length;
        rootLevel = LevelFor(length);
    }

    /// <summary>Bits.</summary>
    public long Length { get; private set; }

    /// <summary>Bits that are set.</summary>
    public long Count { get; private set; }

    public bool this[long index] => Find(root, rootLevel, index, true) == index;

    /// <summary>Sets or resets the bits from <paramref name="start"/> up to <paramref name="end"/>.</summary>
    public void Fill(long start, long end, bool value)
    {
        if (start < end)
            Count += Fill(ref root, rootLevel, start, end, value);
    }

    /// <summary>The first bit from <paramref name="start"/> on, before <paramref name="end"/>, that is <paramref name="value"/>; -1 for none.</summary>
    public long Next(long start, long end, bool value)
    {
        end = Math.Min(end, Length);
        if (start >= end)
            return -1;
        var found = Find(root, rootLevel, start, value);
        return found < end ? found : -1;
    }

    /// <summary>Sets all bits that are set in another tree of the same length.</summary>
    public void Include(BitTree other)
    {
        if (other.Length != Length)
            throw new ArgumentException($"{other.Length} bits cannot be included in {Length}", nameof(other));
        if (other != this)
            Count += Include(ref root, other.root, rootLevel);
    }

    /// <summary>Changes the length; new bits are zeroes.</summary>
    public void Resize(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxLength);
        Fill(length, Length, false);
        Length = length;
        var level = LevelFor(length);
        while (rootLevel > level)
            Lower();
        while (rootLevel < level)
            Raise();
    }

    /// <summary>Copies words of 64 bits, the lowest bit first.</summary>
    /// <param name="first">The index of the first word; words beyond the end are zeroes.</param>
    /// <param name="destination">Receives them.</param>
    public void ReadWords(long first, Span<ulong> destination)
    {
        for (var i = 0; i < destination.Length;)
        {
            var bit = (first + i) << WordBits;
            var node = bit < Capacity(rootLevel) ? Leaf(bit) : null;
            var index = (int)(first + i) & (BitNode.FanOut - 1);
            var part = destination.Slice(i, Math.Min(BitNode.FanOut - index, destination.Length - i));
            if (node == null || node == BitNode.Ones)
                part.Fill(node == null ? 0 : ulong.MaxValue);
            else
                node.Words.AsSpan(index, part.Length).CopyTo(part);
            i += part.Length;
        }
    }

    private static long Capacity(int level) => 1L << (LeafBits + (level * WordBits));

    private static int LevelFor(long length)
    {
        var level = 0;
        while (Capacity(level) < length)
            level++;
        return level;
    }

    private static long CountOf(BitNode? node, int level) => node == null ? 0 : node == BitNode.Ones ? Capacity(level) : node.Count;

    // All positions are relative to the node; returns by how much the count has changed.
    private long Fill(ref BitNode? slot, int level, long start, long end, bool value)
    {
        if (start == 0 && end == Capacity(level))
        {
            var change = (value ? end : 0) - CountOf(slot, level);
            slot = value ? BitNode.Ones : null;
            return change;
        }

        if (slot == (value ? BitNode.Ones : null))
            return 0;
        if (slot == null || slot == BitNode.Ones)
            slot = Take(level, !value);
        var added = level == 0 ? FillWords(slot, (int)start, (int)end, value) : FillChildren(slot, level, start, end, value);
        slot.Count += added;
        Settle(ref slot, level);
        return added;
    }

    private static long FillWords(BitNode leaf, int start, int end, bool value)
    {
        var added = 0;
        for (var index = start >> WordBits; index <= (end - 1) >> WordBits; index++)
        {
            var first = Math.Max(0, start - (index << WordBits));
            var count = Math.Min(64, end - (index << WordBits)) - first;
            var mask = (count == 64 ? ulong.MaxValue : (1ul << count) - 1) << first;
            added += leaf.SetWord(index, value ? leaf.Words[index] | mask : leaf.Words[index] & ~mask);
        }

        return added;
    }

    private long FillChildren(BitNode node, int level, long start, long end, bool value)
    {
        var length = Capacity(level - 1);
        var added = 0L;
        for (var index = (int)(start / length); index <= (end - 1) / length; index++)
        {
            var child = node.Children[index];
            added += Fill(ref child, level - 1, Math.Max(0, start - (index * length)), Math.Min(length, end - (index * length)), value);
            node.SetChild(index, child);
        }

        return added;
    }

    // At most one failed descent a level: a part that may hold what is looked for does hold it when looked at from its start.
    private static long Find(BitNode? node, int level, long start, bool value)
    {
        if (node == null || node == BitNode.Ones)
            return node == null == value ? long.MaxValue : start;
        if (level == 0)
            return FindInWords(node, (int)start, value);
        var bits = LeafBits + ((level - 1) * WordBits);
        var index = (int)(start >> bits);
        var found = Find(node.Children[index], level - 1, start & ((1L << bits) - 1), value);
        if (found == long.MaxValue)
        {
            index = NextIndex(value ? node.Any : ~node.Full, index + 1);
            if (index < 0)
                return long.MaxValue;
            found = Find(node.Children[index], level - 1, 0, value);
        }

        return ((long)index << bits) + found;
    }

    private static long FindInWords(BitNode leaf, int start, bool value)
    {
        var index = start >> WordBits;
        var word = (value ? leaf.Words[index] : ~leaf.Words[index]) & (ulong.MaxValue << start);
        if (word == 0)
        {
            index = NextIndex(value ? leaf.Any : ~leaf.Full, index + 1);
            if (index < 0)
                return long.MaxValue;
            word = value ? leaf.Words[index] : ~leaf.Words[index];
        }

        return (index << WordBits) + BitOperations.TrailingZeroCount(word);
    }

    private static int NextIndex(ulong mask, int from)
    {
        if (from >= BitNode.FanOut)
            return -1;
        mask &= ulong.MaxValue << from;
        return mask == 0 ? -1 : BitOperations.TrailingZeroCount(mask);
    }

    private long Include(ref BitNode? slot, BitNode? other, int level)
    {
        if (other == null || slot == BitNode.Ones)
            return 0;
        if (other == BitNode.Ones)
            return Fill(ref slot, level, 0, Capacity(level), true);
        slot ??= Take(level, false);
        var added = 0L;
        for (var mask = other.Any; mask != 0; mask &= mask - 1)
        {
            var index = BitOperations.TrailingZeroCount(mask);
            if (level == 0)
            {
                added += slot.SetWord(index, slot.Words[index] | other.Words[index]);
                continue;
            }

            var child = slot.Children[index];
            added += Include(ref child, other.Children[index], level - 1);
            slot.SetChild(index, child);
        }

        slot.Count += added;
        Settle(ref slot, level);
        return added;
    }

    private BitNode? Leaf(long bit)
    {
        var node = root;
        for (var level = rootLevel; level > 0 && node != null && node != BitNode.Ones; level--)
            node = node.Children[(int)(bit >> (LeafBits + ((level - 1) * WordBits))) & (BitNode.FanOut - 1)];
        return node;
    }

    // A part that has become uniform takes no memory.
    private void Settle(ref BitNode? slot, int level)
    {
        var node = slot!;
        if (node.Count != 0 && node.Count != Capacity(level))
            return;
        slot = node.Count == 0 ? null : BitNode.Ones;
        var spares = level == 0 ? spareLeaves : spareInners;
        if (spares.Count < MaxSpares)
            spares.Push(node);
    }

    private BitNode Take(int level, bool value)
    {
        if (!(level == 0 ? spareLeaves : spareInners).TryPop(out var node))
            node = level == 0 ? BitNode.Leaf() : BitNode.Inner();
        node.Reset(value, Capacity(level));
        return node;
    }

    private void Lower()
    {
        rootLevel--;
        if (root == BitNode.Ones || root == null)
            return;
        root = root.Children[0];
    }

    private void Raise()
    {
        rootLevel++;
        if (root == null)
            return;
        var below = root;
        root = Take(rootLevel, false);
        root.SetChild(0, below);
        root.Count = Count;
    }
}
