using BlockUring.Native.Interop;

namespace BlockUring.Images.Qcow2;

/// <summary>Compares the references counted with the refcounts of the image.</summary>
/// <param name="map">The references.</param>
/// <param name="blocks">The refcounts.</param>
/// <param name="geometry">Of the image.</param>
/// <param name="findings">Receives leaks and corruptions.</param>
internal sealed class RefcountComparison(RefcountMap map, RefcountBlocks blocks, Qcow2Geometry geometry, CheckFindings findings)
{
    // Why: what is to be written is kept for that many clusters at most, 16 bytes each.
    private const long RepairStep = 64 << 10;

    private readonly int order = geometry.RefcountOrder;
    private readonly ulong maxRefcount = RefcountEntries.Max(geometry.RefcountOrder);
    private readonly List<(long Cluster, ulong Count)> repairs = [];
    private bool fixesLeaks;
    private bool fixesErrors;
    private long leaksToFix;

    /// <summary>The last cluster that is referenced or has a refcount.</summary>
    public long HighestCluster { get; private set; }

    /// <summary>Compares all clusters of a range inside the map's window.</summary>
    public ValueTask RunAsync(long first, long end) => blocks.ForEachAsync(first, end, Compare);

    /// <summary>Compares all clusters of a range inside the map's window, and makes the refcounts in the file right.</summary>
    /// <param name="first">The first cluster.</param>
    /// <param name="end">The cluster after the last.</param>
    /// <param name="leaks">Whether those that are too high are.</param>
    /// <param name="errors">Whether those that are too low are, but for 0: then there may be no block.</param>
    public async ValueTask RepairAsync(long first, long end, bool leaks, bool errors)
    {
        (fixesLeaks, fixesErrors) = (leaks, errors);
        for (; first < end; first += RepairStep)
        {
            await blocks.ForEachAsync(first, Math.Min(end, first + RepairStep), Compare);
            if (repairs.Count == 0)
                continue;
            await blocks.SetAsync(repairs);
            findings.LeaksFixed += leaksToFix;
            findings.CorruptionsFixed += repairs.Count - leaksToFix;
            leaksToFix = 0;
            repairs.Clear();
        }
    }

    private void Compare(long first, long end, ReadOnlySpan<byte> counts, int index, int errno)
    {
        if (errno != 0)
            blocks.Signal(first >> geometry.RefcountBlockBits);
        // Page by page of the map, so that what nobody refers to and has no refcount takes no time.
        while (first < end)
        {
            var stop = Math.Min(end, (first & -RefcountPage.EntryCount) + RefcountPage.EntryCount);
            if (errno != 0)
                Unreadable(first, stop, errno);
            else if (!counts.IsEmpty)
                ComparePage(first, stop, counts, index);
            else if (!map.IsPageEmpty(first))
                CompareWithNone(first, stop);
            index += (int)(stop - first);
            first = stop;
        }
    }

    private void ComparePage(long first, long stop, ReadOnlySpan<byte> counts, int index)
    {
        if (map.IsPageEmpty(first))
        {
            first += SkipZeroes(counts, ref index, stop - first);
            while (first < stop)
            {
                Compare(first++, RefcountEntries.Get(counts, order, index++), 0);
                first += SkipZeroes(counts, ref index, stop - first);
            }

            return;
        }

        for (; first < stop; first++, index++)
            Compare(first, RefcountEntries.Get(counts, order, index), map[first]);
    }

    private void CompareWithNone(long first, long stop)
    {
        for (; first < stop; first++)
            Compare(first, 0, map[first]);
    }

    private void Compare(long cluster, ulong refcount, ulong references)
    {
        if ((refcount | references) == 0)
            return;
        HighestCluster = cluster;
        references = Saturate(references);
        if (refcount == references)
            return;
        var isLeak = refcount > references;
        var isFixed = refcount != 0 && (isLeak ? fixesLeaks : fixesErrors);
        findings.NeedsRebuild |= refcount == 0;
        findings.Report(
            $"{(isFixed ? "Repairing" : isLeak ? "Leaked" : "ERROR")} cluster {cluster} refcount={refcount} reference={references}");
        if (isFixed)
        {
            repairs.Add((cluster, references));
            leaksToFix += isLeak ? 1 : 0;
        }
        else if (isLeak)
        {
            findings.Leaks++;
        }
        else
        {
            findings.Corruptions++;
        }
    }

    private void Unreadable(long first, long stop, int errno)
    {
        for (; first < stop; first++)
        {
            findings.Report($"Can't get refcount for cluster {first}: {Errno.Message(errno)}");
            findings.CheckErrors++;
            Saturate(map[first]);
        }
    }

    // A reference beyond what a refcount can hold has had its line when it was counted.
    private ulong Saturate(ulong references)
    {
        if (references <= maxRefcount)
            return references;
        findings.Corruptions += (long)(references - maxRefcount);
        return maxRefcount;
    }

    /// <summary>Moves to the next byte that is not 0.</summary>
    /// <returns>How many counts were skipped, <paramref name="limit"/> at most.</returns>
    private long SkipZeroes(ReadOnlySpan<byte> counts, ref int index, long limit)
    {
        var at = (int)((long)index << order >> 3);
        if (limit == 0 || counts[at] != 0)
            return 0;
        var found = counts[at..].IndexOfAnyExcept((byte)0);
        var next = found < 0 ? long.MaxValue : ((long)(at + found) << 3) >> order;
        var skipped = Math.Clamp(next - index, 0, limit);
        index += (int)skipped;
        return skipped;
    }
}
