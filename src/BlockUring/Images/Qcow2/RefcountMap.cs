namespace BlockUring.Images.Qcow2;

/// <summary>
/// Counts the references to host clusters in bounded memory, whatever the size of the image.
/// </summary>
/// <remarks>
/// The rule: counts are in pages of 32768 clusters; a page exists once a cluster of it is referenced, starts with 2 bits a count (8 KiB)
/// and doubles its width when a count outgrows it. When the pages exceed the bound, the highest ones are dropped, and the map is a
/// <em>window</em>: from then on it counts the clusters from <see cref="First"/> to <see cref="End"/> only. The check walks the tables
/// again for each further window. 32 MiB hold 134 million clusters at 2 bits (8 TiB of 64 KiB clusters), 67 million at 4 bits (from
/// three snapshots on that share their clusters).
/// </remarks>
internal sealed class RefcountMap
{
    /// <summary>The bound for the counts, in bytes.</summary>
    public const long DefaultMaxBytes = 32 << 20;

    /// <summary>The bound for an image that is repaired, in bytes. Why more: all counts are needed at one time.</summary>
    public const long MaxRepairBytes = 256 << 20;

    private readonly long maxBytes;
    private RefcountPage?[] pages = new RefcountPage?[16];
    private long usedBytes;
    private int highest = -1;

    /// <summary>Makes an empty map of all clusters.</summary>
    /// <param name="maxBytes">The bound, one page of the greatest width at least.</param>
    public RefcountMap(long maxBytes = DefaultMaxBytes) => this.maxBytes = maxBytes;

    /// <summary>The first cluster of the window, a multiple of a page's count.</summary>
    public long First { get; private set; }

    /// <summary>The cluster after the last one of the window; it may come down while counting.</summary>
    public long End { get; private set; } = long.MaxValue;

    /// <summary>Bytes of all pages.</summary>
    public long UsedBytes => usedBytes;

    /// <summary>The references counted; 0 outside the window.</summary>
    public ulong this[long cluster] =>
        cluster >= First && cluster < End && Page(cluster) is { } page ? page[(int)cluster & (RefcountPage.EntryCount - 1)] : 0;

    /// <summary>Forgets all counts and starts a window.</summary>
    /// <param name="first">A multiple of <see cref="RefcountPage.EntryCount"/>.</param>
    public void Restart(long first)
    {
        Array.Clear(pages);
        (First, End, usedBytes, highest) = (first, long.MaxValue, 0, -1);
    }

    /// <summary>Whether no cluster of the page that holds <paramref name="cluster"/> is referenced.</summary>
    public bool IsPageEmpty(long cluster) => Page(cluster) == null;

    /// <summary>Counts references.</summary>
    /// <param name="cluster">Any; outside the window nothing happens.</param>
    /// <param name="times">1 or more.</param>
    /// <returns>The count before; 0 outside the window.</returns>
    public ulong Add(long cluster, ulong times)
    {
        if (cluster < First || cluster >= End)
            return 0;
        var page = Page(cluster) ?? AddPage(cluster);
        ulong before = 0;
        while (page != null && !page.TryAdd((int)cluster & (RefcountPage.EntryCount - 1), times, out before))
        {
            if (!MakeRoom(page.Length, PageIndex(cluster)))
                return 0;
            usedBytes += page.Length;
            page.Widen();
        }

        return before;
    }

    private int PageIndex(long cluster) => (int)((cluster - First) >> RefcountPage.Bits);

    private RefcountPage? Page(long cluster)
    {
        var index = PageIndex(cluster);
        return (uint)index < (uint)pages.Length ? pages[index] : null;
    }

    private RefcountPage? AddPage(long cluster)
    {
        var index = PageIndex(cluster);
        if (!MakeRoom(RefcountPage.MinLength, index))
            return null;
        if (index >= pages.Length)
            Array.Resize(ref pages, Math.Max(index + 1, pages.Length * 2));
        usedBytes += RefcountPage.MinLength;
        highest = Math.Max(highest, index);
        return pages[index] = new RefcountPage();
    }

    /// <summary>Drops the highest pages until there is room.</summary>
    /// <returns>False when the page that needs the room is itself dropped, or was never made.</returns>
    private bool MakeRoom(int bytes, int wanting)
    {
        while (usedBytes + bytes > maxBytes && (highest > 0 || wanting > 0))
        {
            var dropped = Math.Max(highest, wanting);
            End = First + ((long)dropped << RefcountPage.Bits);
            if (dropped < pages.Length && pages[dropped] is { } page)
            {
                usedBytes -= page.Length;
                pages[dropped] = null;
            }

            while (highest >= 0 && (highest >= dropped || pages[highest] == null))
                highest--;
            if (dropped == wanting)
                return false;
        }

        return true;
    }
}
