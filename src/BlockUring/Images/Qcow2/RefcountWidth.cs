using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Gives the refcounts another width: new blocks and a new table go to free clusters; one write of the header's first sector makes them, and their
/// width, those in force; then the old ones are freed. A power cut leaves leaks at most.
/// </summary>
/// <remarks>Nothing else runs.</remarks>
internal sealed class RefcountWidth(Qcow2Image image, int newOrder)
{
    private readonly RefcountMap map = new(RefcountMap.MaxRepairBytes);
    private readonly List<long> oldBlocks = [];
    private long end;
    private int failure;
    private (long Cluster, ulong Count) tooLarge;

    /// <summary>Changes it.</summary>
    /// <exception cref="BlockException">A refcount has no room in the new width, or why else not; the image is as it was.</exception>
    public async ValueTask RunAsync()
    {
        var writer = await image.WriterAsync();
        await writer.PrepareAsync();
        await writer.FlushAsync();
        var (oldTable, oldCount) = (image.Header.RefcountTableOffset, image.Header.RefcountTableClusters);
        await ReadAsync();
        var rebuild = new RefcountRebuild(image, map, end, newOrder);
        try
        {
            await rebuild.RunAsync();
        }
        catch (BlockException e) when (rebuild.IsUndecided)
        {
            await image.RefuseAsync(e);
            throw;
        }

        await image.AdoptAsync(image.Header, image.L1, image.Snapshots);
        writer = await image.WriterAsync();
        foreach (var block in oldBlocks)
            writer.Order.Release(block, 1);
        writer.Order.Release(oldTable, oldCount);
        await writer.FlushAsync();
    }

    private async ValueTask ReadAsync()
    {
        using var blocks = await RefcountBlocks.ReadAsync(image.File, image.Header, new CheckFindings(null));
        for (var block = 0; block < blocks.Count; block++)
        {
            if (blocks.Offset(block) == 0)
                continue;
            oldBlocks.Add((long)blocks.Offset(block));
            await blocks.ForEachAsync((long)block << image.Geometry.RefcountBlockBits, (block + 1L) << image.Geometry.RefcountBlockBits, Add);
        }

        if (failure != 0)
            throw BlockException.FromErrno(failure, "Failed to retrieve refblock", image.File.Path);
        if (tooLarge.Count > 0)
        {
            throw Qcow2Errors.Invalid(
                $"Cannot decrease refcount entry width to {1 << newOrder} bits: Cluster at offset " +
                $"0x{tooLarge.Cluster << image.Geometry.ClusterBits:x} has a refcount of {tooLarge.Count}");
        }
    }

    private void Add(long first, long stop, ReadOnlySpan<byte> counts, int index, int errno)
    {
        if (errno != 0 && failure == 0)
            failure = errno;
        if (errno != 0)
            return;
        var max = RefcountEntries.Max(newOrder);
        for (var cluster = first; cluster < stop; cluster++)
        {
            var count = RefcountEntries.Get(counts, image.Geometry.RefcountOrder, index++);
            if (count == 0)
                continue;
            map.Add(cluster, count);
            end = cluster + 1;
            if (count > max && tooLarge.Count == 0)
                tooLarge = (cluster, count);
        }
    }
}
