using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// The refcount table, in memory, and the blocks it points to, through a cache (specification: "Host cluster management"). Changes are
/// in memory until the blocks are written back and <see cref="WriteTableAsync"/> has run.
/// </summary>
/// <remarks>One thread only.</remarks>
internal sealed class RefcountTable : IDisposable
{
    private const int EntryLength = 8;
    private const ulong OffsetMask = ~0x1fful;

    private readonly BlockFile file;
    private readonly Qcow2Geometry geometry;
    private readonly long cacheBytes;
    private ulong[] entries;
    private long firstDirty = long.MaxValue;
    private long lastDirty = -1;

    private RefcountTable(BlockFile file, Qcow2Geometry geometry, long cacheBytes, long offset, int clusterCount, ulong[] entries)
    {
        this.file = file;
        this.cacheBytes = cacheBytes;
        this.geometry = geometry;
        this.entries = entries;
        BlockCount = entries.Length - entries.AsSpan().Count(0ul);
        Offset = offset;
        ClusterCount = clusterCount;
        Blocks = new TableCache(file, geometry.SliceLength, cacheBytes)
        {
            LoadStep = FileSteps.RefBlockLoad,
            UpdateSteps = [FileSteps.RefBlockUpdatePart, FileSteps.RefBlockUpdate],
        };
    }

    /// <summary>Where the table is in the file.</summary>
    public long Offset { get; private set; }

    /// <summary>Clusters of the table in the file.</summary>
    public int ClusterCount { get; private set; }

    /// <summary>Slices of refcount blocks.</summary>
    public TableCache Blocks { get; }

    /// <summary>Whether more blocks exist than the table in the file has room for.</summary>
    public bool HasOutgrownFile => (long)entries.Length * EntryLength > (long)ClusterCount << geometry.ClusterBits;

    /// <summary>Clusters that a table for all the entries takes.</summary>
    public int NeededClusterCount => (int)geometry.ClustersFor((long)entries.Length * EntryLength);

    /// <summary>One past the last cluster that a block exists for.</summary>
    public long EndOfBlocks
    {
        get
        {
            var last = entries.AsSpan().LastIndexOfAnyExcept(0ul);
            return (last + 1L) << geometry.RefcountBlockBits;
        }
    }

    /// <summary>How many blocks there are.</summary>
    public int BlockCount { get; private set; }

    /// <summary>Where the blocks are.</summary>
    public IEnumerable<long> BlockOffsets => entries.Where(e => e != 0).Select(e => (long)e);

    /// <summary>
    /// The same refcounts in a table and in blocks of its own, which nothing in the file points to. All of this one has been written back.
    /// </summary>
    /// <param name="offset">Where the other table will be.</param>
    /// <param name="clusterCount">Its clusters, no fewer than those of this one.</param>
    /// <param name="places">Where its blocks will be, no fewer than <see cref="BlockCount"/>.</param>
    public async ValueTask<RefcountTable> ForkAsync(long offset, int clusterCount, IReadOnlyList<long> places)
    {
        var moved = new ulong[((long)clusterCount << geometry.ClusterBits) / EntryLength];
        var next = 0;
        using var buffer = file.Buffers.Rent(geometry.ClusterLength);
        for (var i = 0; i < entries.Length; i++)
        {
            if (entries[i] == 0)
                continue;
            await file.ReadAsync(SliceOffset((long)i << geometry.RefcountBlockBits), buffer.Memory);
            await file.WriteAsync(places[next], buffer.Memory);
            moved[i] = (ulong)places[next++];
        }

        var fork = new RefcountTable(file, geometry, cacheBytes, offset, clusterCount, moved);
        fork.MarkDirty(0, moved.Length - 1);
        return fork;
    }

    /// <summary>Writes all blocks and the whole table in no order: nothing in the file points to them.</summary>
    public async ValueTask WriteAllAsync()
    {
        await Blocks.WriteBackAsync();
        await WriteTableAsync(TakeTableChanges());
    }

    /// <summary>Reads the table of an image.</summary>
    /// <param name="file">The image's file.</param>
    /// <param name="header">Says where it is.</param>
    /// <param name="geometry">Sizes that follow from the header.</param>
    /// <param name="cacheBytes">Bound of the cache of blocks.</param>
    public static async ValueTask<RefcountTable> ReadAsync(BlockFile file, Qcow2Header header, Qcow2Geometry geometry, long cacheBytes)
    {
        var bytes = checked((int)((long)header.RefcountTableClusters << geometry.ClusterBits));
        var entries = new ulong[bytes / EntryLength];
        using var buffer = file.Buffers.Rent(Math.Min(bytes, 256 << 10));
        for (var done = 0; done < bytes;)
        {
            var part = Math.Min(buffer.Length, bytes - done);
            file.Announce(FileSteps.RefTableLoad);
            await file.ReadAsync(header.RefcountTableOffset + done, buffer.Memory.Slice(0, part));
            for (var i = 0; i < part; i += EntryLength)
                entries[(done + i) / EntryLength] = BinaryPrimitives.ReadUInt64BigEndian(buffer.Span[i..]) & OffsetMask;
            done += part;
        }

        return new RefcountTable(file, geometry, cacheBytes, header.RefcountTableOffset, header.RefcountTableClusters, entries);
    }

    /// <summary>Host offset of the slice that counts a cluster; 0 when there is no block: all its counts are zero.</summary>
    public long SliceOffset(long cluster)
    {
        var block = cluster >> geometry.RefcountBlockBits;
        if ((ulong)block >= (ulong)entries.Length || entries[block] == 0)
            return 0;
        var offset = (long)entries[block];
        if (offset is < 0 or > Qcow2Limits.MaxHostOffset)
            throw Qcow2Errors.Corrupt(file.Path, offset, $"Refblock offset 0x{offset:x} out of range (reftable index: 0x{block:x})");
        if (geometry.OffsetInCluster(offset) != 0)
            throw Qcow2Errors.Corrupt(file.Path, offset, $"Refblock offset 0x{offset:x} unaligned (reftable index: 0x{block:x})");
        return SliceOffset(cluster, offset);
    }

    /// <summary>Host offset of the slice that would count a cluster if its block were at <paramref name="blockOffset"/>.</summary>
    public long SliceOffset(long cluster, long blockOffset) => blockOffset + (ByteInBlock(cluster) & -geometry.SliceLength);

    /// <summary>Whether one block counts both clusters.</summary>
    public bool AreInOneBlock(long cluster, long other) => cluster >> geometry.RefcountBlockBits == other >> geometry.RefcountBlockBits;

    /// <summary>The index of a cluster's count in its slice.</summary>
    public int IndexInSlice(long cluster) => (int)(cluster & (SliceEntryCount - 1));

    /// <summary>Counts in a slice.</summary>
    public long SliceEntryCount => ((long)geometry.SliceLength * 8) >> geometry.RefcountOrder;

    /// <summary>The refcount of a cluster.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<ulong> GetAsync(long cluster)
    {
        var sliceOffset = SliceOffset(cluster);
        if (sliceOffset == 0)
            return 0;
        var slice = await Blocks.GetAsync(sliceOffset);
        var count = RefcountEntries.Get(slice.Span, geometry.RefcountOrder, IndexInSlice(cluster));
        slice.Unpin();
        return count;
    }

    /// <summary>The last cluster in use of those that one slice counts, up to and with <paramref name="cluster"/>, whose block exists; -1 for none.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<long> FindLastInSliceAsync(long cluster)
    {
        var slice = await Blocks.GetAsync(SliceOffset(cluster));
        var index = IndexInSlice(cluster);
        var first = cluster - index;
        if (!slice.Span.ContainsAnyExcept((byte)0))
            index = -1;
        while (index >= 0 && RefcountEntries.Get(slice.Span, geometry.RefcountOrder, index) == 0)
            index--;
        slice.Unpin();
        return index < 0 ? -1 : first + index;
    }

    /// <summary>Changes the refcount of a cluster by one.</summary>
    /// <returns>The new count; null, and nothing changed, when it would leave the range of its width, or there is no block.</returns>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<ulong?> AddAsync(long cluster, int step)
    {
        var sliceOffset = SliceOffset(cluster);
        if (sliceOffset == 0)
            return null;
        var slice = await Blocks.GetAsync(sliceOffset);
        var index = IndexInSlice(cluster);
        var count = RefcountEntries.Get(slice.Span, geometry.RefcountOrder, index);
        var isInRange = step > 0 ? count < RefcountEntries.Max(geometry.RefcountOrder) : count > 0;
        if (isInRange)
        {
            count += (ulong)step;
            RefcountEntries.Set(slice.Span, geometry.RefcountOrder, index, count);
            slice.MarkDirty();
        }

        slice.Unpin();
        return isInRange ? count : null;
    }

    /// <summary>Enters a new block, whose clusters read as zeroes on disk.</summary>
    public void SetBlock(long cluster, long hostOffset)
    {
        var block = cluster >> geometry.RefcountBlockBits;
        if (block >= entries.Length)
        {
            // Why: grow by half, so that a growing image moves its table a few times only.
            var length = Math.Max(block + 1, entries.Length + (entries.Length / 2L));
            length = geometry.RoundUpToCluster(length * EntryLength) / EntryLength;
            if (length * EntryLength > Qcow2Limits.MaxRefcountTableBytes)
                length = Qcow2Limits.MaxRefcountTableBytes / EntryLength;
            if (block >= length)
                throw new BlockException(BlockErrorKind.NoSpace, $"The refcount table of '{file.Path}' cannot grow further", Native.Interop.Errno.EFBIG);
            Array.Resize(ref entries, (int)length);
        }

        if (entries[block] == 0)
            BlockCount++;
        entries[block] = (ulong)hostOffset;
        MarkDirty(block, block);
    }

    /// <summary>From now on the table is at another place; all of it will be written there.</summary>
    public void Move(long offset, int clusterCount)
    {
        Offset = offset;
        ClusterCount = clusterCount;
        firstDirty = 0;
        lastDirty = ((long)clusterCount << geometry.ClusterBits) / EntryLength - 1;
        Array.Resize(ref entries, (int)(lastDirty + 1));
    }

    /// <summary>
    /// Takes note of the table's changes: they are the caller's to write, by <see cref="WriteTableAsync"/>, after the blocks they point to.
    /// </summary>
    /// <returns>The index of the first changed entry, and a copy of the entries from there; none when nothing has changed.</returns>
    public (long First, ulong[] Entries) TakeTableChanges()
    {
        if (lastDirty < 0)
            return (0, []);
        var changes = (firstDirty, entries[(int)firstDirty..(int)(lastDirty + 1)]);
        (firstDirty, lastDirty) = (long.MaxValue, -1);
        return changes;
    }

    /// <summary>The changes taken were not written: they still have to be.</summary>
    public void PutTableChangesBack((long First, ulong[] Entries) changes)
    {
        if (changes.Entries.Length > 0)
            MarkDirty(changes.First, changes.First + changes.Entries.Length - 1);
    }

    /// <summary>Writes changes taken before. The blocks that they point to are in the file already.</summary>
    public async ValueTask WriteTableAsync((long First, ulong[] Entries) changes)
    {
        var (first, values) = changes;
        if (values.Length == 0)
            return;
        using var buffer = file.Buffers.Rent(Math.Min(256 << 10, values.Length * EntryLength));
        for (var done = 0; done < values.Length;)
        {
            var count = Math.Min(buffer.Length / EntryLength, values.Length - done);
            for (var i = 0; i < count; i++)
                BinaryPrimitives.WriteUInt64BigEndian(buffer.Span[(i * EntryLength)..], values[done + i]);
            file.Announce(FileSteps.RefBlockAllocHookup);
            file.Announce(FileSteps.RefTableUpdate);
            await file.WriteAsync(Offset + ((first + done) * EntryLength), buffer.Memory.Slice(0, count * EntryLength));
            done += count;
        }
    }

    public void Dispose() => Blocks.Dispose();

    private void MarkDirty(long first, long last)
    {
        firstDirty = Math.Min(firstDirty, first);
        lastDirty = Math.Max(lastDirty, last);
    }

    private int ByteInBlock(long cluster)
    {
        var index = cluster & ((1L << geometry.RefcountBlockBits) - 1);
        return (int)((index << geometry.RefcountOrder) >> 3);
    }
}
