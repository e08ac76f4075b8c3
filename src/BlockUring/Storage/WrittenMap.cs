namespace BlockUring.Storage;

/// <summary>
/// Which parts of a file this process has written since it opened it, never forgetting one: 64 Ki granules of 64 KiB at first, which double
/// as the file outgrows them. 8 KiB of memory whatever the file's length.
/// </summary>
internal sealed class WrittenMap
{
    private const int MaxGranuleCount = 1 << 16;

    private readonly ulong[] words = new ulong[MaxGranuleCount / 64];
    private int granuleBits = 16;

    /// <summary>Notes that bytes from <paramref name="start"/> to before <paramref name="stop"/> are written, or about to be.</summary>
    public void Mark(long start, long stop)
    {
        if (start >= stop)
            return;
        while ((stop - 1) >> granuleBits >= MaxGranuleCount)
            Coarsen();
        var first = (int)(start >> granuleBits);
        var last = (int)((stop - 1) >> granuleBits);
        for (var word = first >> 6; word <= last >> 6; word++)
        {
            var mask = ulong.MaxValue;
            if (word == first >> 6)
                mask &= ulong.MaxValue << (first & 63);
            if (word == last >> 6)
                mask &= ulong.MaxValue >> (63 - (last & 63));
            words[word] |= mask;
        }
    }

    /// <summary>Where the run that holds <paramref name="offset"/> stops, at <paramref name="limit"/> at the latest.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="limit">More than <paramref name="offset"/>.</param>
    /// <param name="isWritten">Whether something in the run may have been written; false is certain.</param>
    public long RunStop(long offset, long limit, out bool isWritten)
    {
        var granule = offset >> granuleBits;
        isWritten = granule < MaxGranuleCount && IsSet((int)granule);
        while (++granule < MaxGranuleCount && granule << granuleBits < limit)
        {
            // Why: a file of many granules is mostly all or nothing; whole words are skipped.
            if ((granule & 63) == 0 && words[granule >> 6] == (isWritten ? ulong.MaxValue : 0))
                granule += 63;
            else if (IsSet((int)granule) != isWritten)
                return Math.Min(limit, granule << granuleBits);
        }

        return granule >= MaxGranuleCount && isWritten ? Math.Min(limit, (long)MaxGranuleCount << granuleBits) : limit;
    }

    private bool IsSet(int granule) => (words[granule >> 6] >> (granule & 63) & 1) != 0;

    private void Coarsen()
    {
        for (var word = 0; word < words.Length; word++)
        {
            var merged = word < words.Length / 2 ? Halve(words[2 * word]) | (ulong)Halve(words[(2 * word) + 1]) << 32 : 0;
            words[word] = merged;
        }

        granuleBits++;
    }

    // Each two neighbouring bits become one: set when either is.
    private static uint Halve(ulong bits)
    {
        bits = (bits | bits >> 1) & 0x5555555555555555;
        bits = (bits | bits >> 1) & 0x3333333333333333;
        bits = (bits | bits >> 2) & 0x0f0f0f0f0f0f0f0f;
        bits = (bits | bits >> 4) & 0x00ff00ff00ff00ff;
        bits = (bits | bits >> 8) & 0x0000ffff0000ffff;
        return (uint)(bits | bits >> 16);
    }
}
