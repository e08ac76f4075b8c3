namespace BlockUring.Bitmaps;

/// <summary>
/// A part of a <see cref="BitTree"/> that is neither all zeroes nor all ones: 64 words of bits, or 64 parts of the level below. Parts that are
/// all zeroes are null, those that are all ones are <see cref="Ones"/>: neither takes memory.
/// </summary>
internal sealed class BitNode
{
    public const int FanOut = 64;

    /// <summary>Stands for any part that is all ones, of any level.</summary>
    public static readonly BitNode Ones = new(null, null);

    private BitNode(ulong[]? words, BitNode?[]? children)
    {
        Words = words!;
        Children = children!;
    }

    /// <summary>Bits that are set.</summary>
    public long Count { get; set; }

    /// <summary>Bit i: word or child i is not all zeroes.</summary>
    public ulong Any { get; private set; }

    /// <summary>Bit i: word or child i is all ones.</summary>
    public ulong Full { get; private set; }

    /// <summary>The bits, of a node of level 0.</summary>
    public ulong[] Words { get; }

    /// <summary>The parts, of a node of a higher level.</summary>
    public BitNode?[] Children { get; }

    public static BitNode Leaf() => new(new ulong[FanOut], null);

    public static BitNode Inner() => new(null, new BitNode?[FanOut]);

    /// <summary>Makes all bits alike.</summary>
    public void Reset(bool value, long count)
    {
        if (Words != null)
            Words.AsSpan().Fill(value ? ulong.MaxValue : 0);
        else
            Children.AsSpan().Fill(value ? Ones : null);
        Any = Full = value ? ulong.MaxValue : 0;
        Count = value ? count : 0;
    }

    /// <summary>Sets a word; returns by how much the count of its bits has changed.</summary>
    public int SetWord(int index, ulong word)
    {
        var change = System.Numerics.BitOperations.PopCount(word) - System.Numerics.BitOperations.PopCount(Words[index]);
        Words[index] = word;
        Note(index, word != 0, word == ulong.MaxValue);
        return change;
    }

    /// <summary>Sets a child.</summary>
    public void SetChild(int index, BitNode? child)
    {
        Children[index] = child;
        Note(index, child != null, child == Ones);
    }

    private void Note(int index, bool any, bool full)
    {
        var bit = 1ul << index;
        Any = any ? Any | bit : Any & ~bit;
        Full = full ? Full | bit : Full & ~bit;
    }
}
