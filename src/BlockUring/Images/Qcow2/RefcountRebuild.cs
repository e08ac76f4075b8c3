using System.Buffers.Binary;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Puts new refcount blocks and a new refcount table, made from the references that were counted, in the place of the old ones.
/// </summary>
/// <remarks>
/// The new ones go to clusters that nothing refers to, the old ones included; so up to the one write of the header that makes the new ones those in
/// force a power cut leaves the image as it was. Clusters are taken in the order in which QEMU takes them. The old ones are counted in the new ones
/// still: as leaks.
/// </remarks>
/// <param name="image">Its header is changed.</param>
/// <param name="map">The references to all clusters; those to what is taken here are added.</param>
/// <param name="clusterCount">Clusters of the file.</param>
/// <param name="refcountOrder">Log2 of the width of the new refcounts.</param>
internal sealed class RefcountRebuild(Qcow2Image image, RefcountMap map, long clusterCount, int refcountOrder)
{
    private const int EntryLength = 8;

    private readonly BlockFile file = image.File;
    private readonly Qcow2Geometry geometry = (image.Header with { RefcountOrder = refcountOrder }).Geometry;
    private readonly List<long> places = [];

    /// <summary>Whether a failure has left it unknown which of the two the header in the file points to.</summary>
    public bool IsUndecided { get; private set; }

    // Of the table that holds the places, in whole clusters.
    private int TableLength => (int)geometry.RoundUpToCluster((long)places.Count * EntryLength);

    /// <summary>Builds them, durably.</summary>
    /// <exception cref="BlockException">Something cannot be written, or the image is too large for that.</exception>
    public async ValueTask RunAsync()
    {
        PlaceBlocks(0, clusterCount);
        var table = PlaceTable();
        if (map.End != long.MaxValue)
            throw Qcow2Errors.Limit($"The refcounts of '{file.Path}' take too much memory to be rebuilt");
        await GrowAsync(table + TableLength);
        await WriteBlocksAsync();
        await WriteTableAsync(table);
        await file.FlushAsync();
        await SwitchAsync(image.Header with
        {
            RefcountTableOffset = table,
            RefcountTableClusters = TableLength >> geometry.ClusterBits,
            RefcountOrder = refcountOrder,
        });
    }

    private async ValueTask SwitchAsync(Qcow2Header changed)
    {
        var header = new Qcow2HeaderWriter(image);
        file.Announce(FileSteps.RefBlockAllocSwitchTable);
        IsUndecided = true;
        if (refcountOrder != image.Header.RefcountOrder)
            await RewriteAsync(header, changed);
        else
            await header.WriteRefcountTableAsync(changed.RefcountTableOffset, changed.RefcountTableClusters);
        await file.FlushAsync();
        IsUndecided = false;
        image.Header = changed;
    }

    private async ValueTask RewriteAsync(Qcow2HeaderWriter header, Qcow2Header changed)
    {
        try
        {
            await header.RewriteAsync(changed);
        }
        catch
        {
            IsUndecided = header.IsUndecided;
            throw;
        }
    }

    // Blocks for all clusters of a range that are referred to; each in the part that it counts, or behind it.
    private void PlaceBlocks(long first, long stop)
    {
        var free = 0L;
        for (var cluster = first; cluster < stop;)
        {
            var block = cluster >> geometry.RefcountBlockBits;
            var end = (block + 1) << geometry.RefcountBlockBits;
            if ((block >= places.Count || places[(int)block] == 0) && IsAnyReferred(cluster, Math.Min(stop, end)))
            {
                free = FindFree(Math.Max(free, block << geometry.RefcountBlockBits), 1);
                map.Add(free, 1);
                SetPlace(block, free << geometry.ClusterBits);
                stop = Math.Max(stop, free + 1);
            }

            cluster = end;
        }
    }

    // Why again and again: the table may need a block that makes it longer.
    private long PlaceTable()
    {
        while (true)
        {
            var length = TableLength;
            var first = FindFree(0, length >> geometry.ClusterBits);
            var end = first + (length >> geometry.ClusterBits);
            for (var cluster = first; cluster < end; cluster++)
                map.Add(cluster, 1);
            PlaceBlocks(first, end);
            if (TableLength == length)
                return first << geometry.ClusterBits;
        }
    }

    private void SetPlace(long block, long hostOffset)
    {
        if (block * EntryLength >= Qcow2Limits.MaxRefcountTableBytes)
            throw Qcow2Errors.Limit($"The refcount table of '{file.Path}' would be too long");
        while (places.Count <= block)
            places.Add(0);
        places[(int)block] = hostOffset;
    }

    private bool IsAnyReferred(long first, long end)
    {
        while (first < end)
        {
            if (map.IsPageEmpty(first))
                first = (first & -RefcountPage.EntryCount) + RefcountPage.EntryCount;
            else if (map[first++] != 0)
                return true;
        }

        return false;
    }

    // The first of so many clusters in a row that nothing refers to.
    private long FindFree(long from, int count)
    {
        var found = 0;
        while (found < count)
            found = map[from++] == 0 ? found + 1 : 0;
        return from - count;
    }

    private async ValueTask GrowAsync(long tableEnd)
    {
        var end = Math.Max(tableEnd, places.Max() + geometry.ClusterLength);
        if (end > file.Length && file.CanGrow)
            await file.SetLengthAsync(end);
    }

    private async ValueTask WriteBlocksAsync()
    {
        using var buffer = file.Buffers.Rent(geometry.ClusterLength);
        for (var block = 0; block < places.Count; block++)
        {
            if (places[block] == 0)
                continue;
            Fill(buffer.Span[..geometry.ClusterLength], (long)block << geometry.RefcountBlockBits);
            file.Announce(FileSteps.RefBlockAllocWrite);
            await file.WriteAsync(places[block], buffer.Memory.Slice(0, geometry.ClusterLength));
        }
    }

    private void Fill(Span<byte> counts, long first)
    {
        counts.Clear();
        var max = RefcountEntries.Max(geometry.RefcountOrder);
        for (var index = 0; index < 1 << geometry.RefcountBlockBits; index++)
        {
            var references = map[first + index];
            if (references != 0)
                RefcountEntries.Set(counts, geometry.RefcountOrder, index, Math.Min(references, max));
        }
    }

    private async ValueTask WriteTableAsync(long table)
    {
        using var buffer = file.Buffers.Rent(TableLength);
        var entries = buffer.Span[..TableLength];
        entries.Clear();
        for (var block = 0; block < places.Count; block++)
            BinaryPrimitives.WriteInt64BigEndian(entries[(block * EntryLength)..], places[block]);
        file.Announce(FileSteps.RefTableUpdate);
        await file.WriteAsync(table, buffer.Memory.Slice(0, TableLength));
    }
}
