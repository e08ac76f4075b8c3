using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Clusters that no table in memory points to any more: free once the tables are in the file.</summary>
internal sealed class ReleasedClusters(BlockFile file, Qcow2Geometry geometry, RefcountTable refcounts, ClusterAllocator allocator)
{
    private List<FreedClusters> waiting = [];

    /// <summary>Entries of the list.</summary>
    public int Count => waiting.Count;

    /// <summary>Clusters in a row that are not needed any more.</summary>
    public void Add(long hostOffset, long count, bool discards)
    {
        if (waiting.Count > 0 && waiting[^1].TryExtend(hostOffset, count, discards, geometry.ClusterBits) is { } merged)
            waiting[^1] = merged;
        else
            waiting.Add(new FreedClusters(hostOffset, count, discards));
    }

    /// <summary>Takes the list as it is now: those that the tables written from now on do not point to.</summary>
    public List<FreedClusters> Take()
    {
        var taken = waiting;
        waiting = [];
        return taken;
    }

    /// <summary>The tables could not be written.</summary>
    public void PutBack(List<FreedClusters> taken) => waiting.AddRange(taken);

    /// <summary>Takes refcounts down in memory; no table in the file points to the clusters any more. What could not be freed stays to be freed.</summary>
    public async ValueTask FreeAsync(List<FreedClusters> freed)
    {
        for (var i = 0; i < freed.Count; i++)
        {
            var (hostOffset, count, discards) = freed[i];
            try
            {
                if (discards)
                    await DiscardUnsharedAsync(hostOffset, count);
                for (; count > 0; hostOffset += geometry.ClusterLength, count--)
                    await allocator.FreeAsync(hostOffset, 1);
            }
            catch (BlockException e)
            {
                if (e.Kind == BlockErrorKind.Corrupt)
                    (hostOffset, count) = (hostOffset + geometry.ClusterLength, count - 1);
                if (count > 0)
                    waiting.Add(new FreedClusters(hostOffset, count, false));
                waiting.AddRange(freed[(i + 1)..]);
                throw;
            }
        }
    }

    // Why before the refcounts go down: afterwards the clusters may be somebody else's at any time.
    private async ValueTask DiscardUnsharedAsync(long hostOffset, long count)
    {
        var (start, end) = (hostOffset, hostOffset + (count << geometry.ClusterBits));
        while (start < end)
        {
            var stop = start;
            while (stop < end && await refcounts.GetAsync(stop >> geometry.ClusterBits) == 1)
                stop += geometry.ClusterLength;
            if (stop > start)
                await TryDiscardAsync(start, stop - start);
            start = stop + geometry.ClusterLength;
        }
    }

    private async ValueTask TryDiscardAsync(long hostOffset, long length)
    {
        try
        {
            await file.DiscardAsync(hostOffset, length);
        }
        catch (BlockException)
        {
            // Nobody needs these bytes, and nobody was promised the space.
        }
    }
}
