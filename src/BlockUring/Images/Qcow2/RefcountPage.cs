namespace BlockUring.Images.Qcow2;

/// <summary>Counts of neighbouring clusters, all of one width, which grows with the largest of them: 2 to 64 bits.</summary>
internal sealed class RefcountPage
{
    /// <summary>Log2 of the counts in a page: 8 KiB at the least width.</summary>
    public const int Bits = 15;

    public const int EntryCount = 1 << Bits;

    private const int MinOrder = 1;

    private byte[] counts = new byte[(EntryCount << MinOrder) >> 3];
    private int order = MinOrder;

    public static int MinLength => (EntryCount << MinOrder) >> 3;

    /// <summary>Bytes of memory.</summary>
    public int Length => counts.Length;

    public ulong this[int index] => RefcountEntries.Get(counts, order, index);

    /// <summary>Adds to a count where its width suffices.</summary>
    /// <param name="index">0 to <see cref="EntryCount"/> - 1.</param>
    /// <param name="times">1 or more.</param>
    /// <param name="before">The count as it was.</param>
    /// <returns>False, and nothing changed, when the page must be widened first.</returns>
    public bool TryAdd(int index, ulong times, out ulong before)
    {
        if (order == MinOrder && times == 1)
        {
            ref var packed = ref counts[index >> 2];
            var shift = (index & 3) << 1;
            before = (ulong)(packed >> shift) & 3;
            if (before == 3)
                return false;
            packed += (byte)(1 << shift);
            return true;
        }

        before = RefcountEntries.Get(counts, order, index);
        if (times > RefcountEntries.Max(order) - before)
            return false;
        RefcountEntries.Set(counts, order, index, before + times);
        return true;
    }

    /// <summary>Doubles the width.</summary>
    public void Widen()
    {
        var wider = new byte[counts.Length * 2];
        for (var i = 0; i < EntryCount; i++)
            RefcountEntries.Set(wider, order + 1, i, RefcountEntries.Get(counts, order, i));
        (counts, order) = (wider, order + 1);
    }
}
