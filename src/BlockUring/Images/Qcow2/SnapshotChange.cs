using System.Buffers.Binary;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// One change of the internal snapshots, all at once: new L2 tables and a new L1 table of the active disk, a new snapshot table and all refcounts anew
/// go to new clusters; one write of the header's first sector makes them the ones in force. A crash before it leaves leaks, one behind it nothing.
/// </summary>
/// <remarks>
/// Nothing else runs. Better than QEMU, which changes refcounts and the flags that must agree with them in place, one after the other. The price is
/// room for the tables a second time meanwhile, and a snapshot that shares no L2 table with the active disk.
/// </remarks>
internal sealed class SnapshotChange(Qcow2Image image, MetadataOrder order)
{
    // Bytes 24 to 71 of the header: guest size, encryption method, L1 table, refcount table, snapshot table.
    private const int HeaderPartLength = 48;

    private readonly BlockFile file = image.File;
    private readonly Qcow2Geometry geometry = image.Geometry;
    private readonly List<ClusterRun> taken = [];
    private readonly List<ClusterRun> wasted = [];
    private readonly List<long> blocks = [];
    private ClusterRun refcountTable;

    /// <summary>Whether it is unknown which of the two headers the file has: nothing may be written any more.</summary>
    public bool IsUndecided { get; private set; }

    /// <summary>Makes the change. Afterwards the writer of the image is of no use any more.</summary>
    /// <param name="source">What the active disk shows afterwards.</param>
    /// <param name="guestLength">And how long it is.</param>
    /// <param name="dropped">L1 tables that are not needed any more, with all below them.</param>
    /// <param name="table">The snapshot table's bytes; empty for none.</param>
    /// <param name="count">Its entries.</param>
    /// <returns>The header and the L1 table in force afterwards.</returns>
    /// <exception cref="BlockException">Why not: EINVAL where a refcount has no room. The image is as it was.</exception>
    public async ValueTask<(Qcow2Header Header, L1Table L1)> RunAsync(
        L1Table source, long guestLength, IReadOnlyList<L1Table> dropped, byte[] table, int count)
    {
        var l1Count = (int)Math.Max(source.Count, geometry.L1CountFor(guestLength));
        RefcountTable? next = null;
        try
        {
            var places = await TakeL2PlacesAsync(source);
            var l1Run = l1Count == 0 ? default : await TakeAsync(geometry.ClustersFor((long)l1Count * L1Table.EntryLength));
            var tableRun = table.Length == 0 ? default : await TakeAsync(geometry.ClustersFor(table.Length));
            await TakeRefcountPlacesAsync();
            next = await order.Refcounts.ForkAsync(refcountTable.HostOffset, refcountTable.Count, blocks);
            await UncountMetadataAsync(next);
            foreach (var l1 in dropped)
                await DropAsync(next, l1);
            await WalkAsync(source, (_, entries) => CountAsync(next, entries, 1));
            var changed = image.Header with
            {
                GuestLength = guestLength,
                L1Count = l1Count,
                L1Offset = l1Run.HostOffset,
                RefcountTableOffset = refcountTable.HostOffset,
                RefcountTableClusters = refcountTable.Count,
                SnapshotCount = count,
                SnapshotTableOffset = tableRun.HostOffset,
            };
            var old = image.Header;
            var newL1 = await WriteTablesAsync(next, source, places, changed);
            if (table.Length > 0)
                await image.Bitmaps.WriteAsync(tableRun.HostOffset, table);
            await next.WriteAllAsync();
            await file.FlushAsync();
            await SwitchAsync(old, changed);
            return (changed, newL1);
        }
        catch
        {
            foreach (var run in taken)
                order.Release(run.HostOffset, run.Count);
            throw;
        }
        finally
        {
            next?.Dispose();
        }
    }

    private async ValueTask<Queue<long>> TakeL2PlacesAsync(L1Table source)
    {
        var places = new Queue<long>();
        for (var i = 0; i < source.Count; i++)
        {
            if (source.L2Offset(i) != 0)
                places.Enqueue((await TakeAsync(1)).HostOffset);
        }

        return places;
    }

    // Why again and again: the places themselves may need a block more, or a longer table.
    private async ValueTask TakeRefcountPlacesAsync()
    {
        // Why: a hostile table names the same blocks over and over, each of which would be copied.
        if (order.Refcounts.BlockCount > geometry.ClustersFor(file.Length))
            throw Qcow2Errors.Corrupt(file.Path, order.Refcounts.Offset, "its refcount blocks overlap");
        order.NoteTableChange();
        await order.WriteOutAsync(isComplete: false);
        while (blocks.Count < order.Refcounts.BlockCount || refcountTable.Count < order.Refcounts.ClusterCount)
        {
            while (blocks.Count < order.Refcounts.BlockCount)
                blocks.Add((await TakeAsync(1)).HostOffset);
            if (refcountTable.Count < order.Refcounts.ClusterCount)
            {
                if (refcountTable.Count > 0)
                    wasted.Add(refcountTable);
                refcountTable = await TakeAsync(order.Refcounts.ClusterCount);
            }

            order.NoteTableChange();
            await order.WriteOutAsync(isComplete: false);
        }
    }

    private async ValueTask<ClusterRun> TakeAsync(long count)
    {
        var run = count == 1 ? await order.Allocator.AllocateAsync(1) : await order.Allocator.AllocateRowAsync((int)count);
        taken.Add(run);
        await order.Growth.GrowAsync();
        return run;
    }

    // What the header points to now, apart from the L1 table, and what was taken in vain.
    private async ValueTask UncountMetadataAsync(RefcountTable next)
    {
        foreach (var offset in order.Refcounts.BlockOffsets.ToList())
            await AddAsync(next, offset, 1, -1);
        await AddAsync(next, order.Refcounts.Offset, order.Refcounts.ClusterCount, -1);
        foreach (var (hostOffset, count, _) in wasted)
            await AddAsync(next, hostOffset, count, -1);
        if (image.Header.SnapshotCount > 0)
        {
            var content = await SnapshotTable.ReadAsync(file, image.Header.SnapshotTableOffset, image.Header.SnapshotCount, image.Header.GuestLength);
            await AddAsync(next, image.Header.SnapshotTableOffset, geometry.ClustersFor(content.Length), -1);
        }
    }

    private async ValueTask DropAsync(RefcountTable next, L1Table l1)
    {
        await WalkAsync(l1, async (l2Offset, entries) =>
        {
            await CountAsync(next, entries, -1);
            await AddAsync(next, l2Offset, 1, -1);
        });
        if (l1.Count > 0)
            await AddAsync(next, l1.Offset, geometry.ClustersFor((long)l1.Count * L1Table.EntryLength), -1);
    }

    private async ValueTask WalkAsync(L1Table l1, Func<long, IoMemory, ValueTask> visit)
    {
        using var buffer = file.Buffers.Rent(geometry.ClusterLength);
        for (var i = 0; i < l1.Count; i++)
        {
            var offset = l1.L2Offset(i);
            if (offset == 0)
                continue;
            if (geometry.OffsetInCluster(offset) != 0)
                throw Qcow2Errors.Corrupt(file.Path, offset, $"L2 table offset 0x{offset:x} unaligned (L1 index: 0x{i:x})");
            await file.ReadAsync(offset, buffer.Memory);
            await visit(offset, buffer.Memory);
        }
    }

    private async ValueTask CountAsync(RefcountTable next, IoMemory table, int step)
    {
        for (var i = 0; i < geometry.ClusterLength / geometry.L2EntryLength; i++)
        {
            var entry = EntryAt(table, i);
            if (entry.IsCompressed)
            {
                var place = CompressedDescriptor.Decode(entry.Descriptor, geometry.ClusterBits);
                var first = place.HostOffset & -(long)geometry.ClusterLength;
                await AddAsync(next, first, geometry.ClustersFor(place.HostOffset + place.Length - first), step);
            }
            else if (entry.HostOffset != 0)
            {
                if (geometry.OffsetInCluster(entry.HostOffset) != 0)
                    throw Qcow2Errors.Corrupt(file.Path, entry.HostOffset, $"Data cluster offset 0x{entry.HostOffset:x} unaligned");
                await AddAsync(next, entry.HostOffset, 1, step);
            }
        }
    }

    private L2Entry EntryAt(IoMemory table, int index) => new L2Slice(table.Span, geometry.HasSubclusters)[index];

    private async ValueTask AddAsync(RefcountTable next, long hostOffset, long count, int step)
    {
        var first = hostOffset >> geometry.ClusterBits;
        for (var cluster = first; cluster < first + count; cluster++)
        {
            if (await next.AddAsync(cluster, step) != null)
                continue;
            if (step < 0 || await next.GetAsync(cluster) == 0)
                throw Qcow2Errors.Corrupt(file.Path, cluster << geometry.ClusterBits, $"cluster 0x{cluster:x} is referred to more often than its refcount says");
            throw Qcow2Errors.Invalid($"The refcount of cluster 0x{cluster:x} of '{file.Path}' cannot exceed {RefcountEntries.Max(geometry.RefcountOrder)}");
        }
    }

    // The source's L2 tables at their new places, with flags that agree with the new refcounts, and the L1 table that points to them.
    private async ValueTask<L1Table> WriteTablesAsync(RefcountTable next, L1Table source, Queue<long> places, Qcow2Header changed)
    {
        var entries = new ulong[changed.L1Count];
        for (var i = 0; i < source.Count; i++)
            entries[i] = source.L2Offset(i) == 0 ? 0 : (ulong)places.Dequeue() | L1Table.CopiedFlag;
        var index = 0;
        await WalkAsync(source, async (_, table) =>
        {
            while (entries[index] == 0)
                index++;
            await SetFlagsAsync(next, table);
            await file.WriteAsync((long)(entries[index++] & L1Table.OffsetMask), table);
        });
        var l1 = L1Table.Of(changed.L1Offset, entries);
        if (entries.Length > 0)
            await l1.WriteAsync(file, 0, entries);
        return l1;
    }

    private async ValueTask SetFlagsAsync(RefcountTable next, IoMemory table)
    {
        for (var i = 0; i < geometry.ClusterLength / geometry.L2EntryLength; i++)
        {
            var entry = EntryAt(table, i);
            if (entry.IsCompressed || entry.HostOffset == 0)
                continue;
            var isCopied = await next.GetAsync(entry.HostOffset >> geometry.ClusterBits) == 1;
            var slice = new L2Slice(table.Span, geometry.HasSubclusters);
            slice[i] = entry with { Descriptor = (entry.Descriptor & ~L2Entry.CopiedFlag) | (isCopied ? L2Entry.CopiedFlag : 0) };
        }
    }

    private async ValueTask SwitchAsync(Qcow2Header old, Qcow2Header changed)
    {
        try
        {
            await WriteHeaderAsync(changed);
        }
        catch
        {
            IsUndecided = true;
            await WriteHeaderAsync(old);
            IsUndecided = false;
            throw;
        }
    }

    // Why in one write, inside one sector: all of it or nothing.
    private async ValueTask WriteHeaderAsync(Qcow2Header header)
    {
        using var buffer = file.Buffers.Rent(HeaderPartLength);
        var bytes = buffer.Span;
        BinaryPrimitives.WriteInt64BigEndian(bytes, header.GuestLength);
        BinaryPrimitives.WriteInt32BigEndian(bytes[8..], header.EncryptionMethod);
        BinaryPrimitives.WriteInt32BigEndian(bytes[12..], header.L1Count);
        BinaryPrimitives.WriteInt64BigEndian(bytes[16..], header.L1Offset);
        BinaryPrimitives.WriteInt64BigEndian(bytes[24..], header.RefcountTableOffset);
        BinaryPrimitives.WriteInt32BigEndian(bytes[32..], header.RefcountTableClusters);
        BinaryPrimitives.WriteInt32BigEndian(bytes[36..], header.SnapshotCount);
        BinaryPrimitives.WriteInt64BigEndian(bytes[40..], header.SnapshotTableOffset);
        await file.WriteAsync(Qcow2Header.GuestLengthOffset, buffer.Memory.Slice(0, HeaderPartLength));
        await file.FlushAsync();
    }
}
