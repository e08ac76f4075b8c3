using System.Runtime.CompilerServices;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Finds free host clusters, from a cursor upwards, and takes them by refcount one. In the common case without waiting: the slice of the
/// refcount block is cached.
/// </summary>
/// <remarks>One thread only. What is freed is not handed out again before the caller says so (<see cref="FreeAsync"/>).</remarks>
internal sealed class ClusterAllocator
{
    private readonly BlockFile file;
    private readonly Qcow2Geometry geometry;
    private readonly RefcountTable refcounts;
    private readonly MetadataGuard guard;
    private readonly RangeLock turn = new();
    private long cursor;
    private long zeroFrom;

    public ClusterAllocator(BlockFile file, Qcow2Geometry geometry, RefcountTable refcounts, MetadataGuard guard)
    {
        this.file = file;
        this.guard = guard;
        this.geometry = geometry;
        this.refcounts = refcounts;
        zeroFrom = file.CanGrow ? geometry.RoundUpToCluster(file.Length) : long.MaxValue;
    }

    /// <summary>One past the last byte ever handed out here.</summary>
    public long End { get; private set; }

    /// <summary>Takes up to <paramref name="wanted"/> clusters in a row.</summary>
    public ValueTask<ClusterRun> AllocateAsync(int wanted)
    {
        file.Announce(FileSteps.ClusterAlloc);
        return !turn.IsHeld && TryAllocate(wanted, out var run) ? new(run) : AllocateSlowlyAsync(wanted);
    }

    /// <summary>Takes exactly <paramref name="count"/> clusters in a row, behind everything else.</summary>
    public async ValueTask<ClusterRun> AllocateRowAsync(int count)
    {
        file.Announce(FileSteps.ClusterAlloc);
        var held = await turn.AcquireAsync(0, 1);
        var first = 0L;
        var taken = 0;
        try
        {
            first = await FindEndAsync(End >> geometry.ClusterBits);
            for (; taken < count; taken++)
            {
                if (refcounts.SliceOffset(first + taken) == 0)
                    await AddBlockBehindAsync(first + taken, first + count);
                if (await refcounts.AddAsync(first + taken, 1) == null)
                    throw new InvalidOperationException("A cluster behind the end of the image is in use.");
            }

            return Note(first, count);
        }
        catch (BlockException)
        {
            while (taken-- > 0)
                await refcounts.AddAsync(first + taken, -1);
            throw;
        }
        finally
        {
            turn.Release(held);
        }
    }

    /// <summary>Looks for the last cluster in use anew: <see cref="End"/> is behind it afterwards.</summary>
    public async ValueTask FindNewEndAsync()
    {
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            End = await FindEndAsync(0) << geometry.ClusterBits;
        }
        finally
        {
            turn.Release(held);
        }
    }

    /// <summary>Takes one more reference to a cluster.</summary>
    /// <returns>False when its count is at the maximum of its width.</returns>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<bool> TryAddReferenceAsync(long hostOffset)
    {
        return await refcounts.AddAsync(hostOffset >> geometry.ClusterBits, 1) != null;
    }

    /// <summary>Gives one reference to each of some clusters back. Those that nobody refers to any more may be handed out at once.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask FreeAsync(long hostOffset, long count)
    {
        file.Announce(FileSteps.ClusterFree);
        var first = hostOffset >> geometry.ClusterBits;
        for (var cluster = first; cluster < first + count; cluster++)
        {
            switch (await refcounts.AddAsync(cluster, -1))
            {
                case null:
                    throw Qcow2Errors.Corrupt(
                        file.Path, cluster << geometry.ClusterBits, $"cluster 0x{cluster:x} is referred to, but its refcount is 0");
                case 0:
                    cursor = Math.Min(cursor, cluster);
                    break;
            }
        }
    }

    // Only what is cached; false also when a block must be read or made.
    private bool TryAllocate(int wanted, out ClusterRun run)
    {
        run = default;
        while (true)
        {
            var sliceOffset = refcounts.SliceOffset(cursor);
            if (sliceOffset == 0 || !refcounts.Blocks.TryGet(sliceOffset, out var slice))
                return false;
            var index = refcounts.IndexInSlice(cursor);
            var end = (int)Math.Min(refcounts.SliceEntryCount, int.MaxValue);
            var found = FindFree(slice.Span, index, end);
            cursor += found - index;
            if (found == end)
                continue;

            // Why: only a broken image does not count its header, and offset 0 means "none" in every table.
            if (cursor == 0)
                throw Qcow2Errors.Corrupt(file.Path, 0, "the header's cluster has refcount 0");
            var count = 0;
            while (count < wanted && found + count < end && RefcountEntries.Get(slice.Span, geometry.RefcountOrder, found + count) == 0)
                RefcountEntries.Set(slice.Span, geometry.RefcountOrder, found + count++, 1);
            slice.MarkDirty();
            run = Note(cursor, count);
            return true;
        }
    }

    private int FindFree(ReadOnlySpan<byte> slice, int index, int end)
    {
        while (index < end && RefcountEntries.Get(slice, geometry.RefcountOrder, index) != 0)
            index++;
        return index;
    }

    private ClusterRun Note(long first, int count)
    {
        if (first == cursor)
            cursor += count;
        var start = first << geometry.ClusterBits;
        var end = (first + count) << geometry.ClusterBits;
        if (end > Qcow2Limits.MaxHostOffset)
            throw new BlockException(BlockErrorKind.NoSpace, $"'{file.Path}' has grown to the format's limit", Native.Interop.Errno.EFBIG);
        guard.Demand(start, end - start);
        var isZero = start >= zeroFrom;
        if (zeroFrom != long.MaxValue)
            zeroFrom = Math.Max(zeroFrom, end);
        End = Math.Max(End, end);
        return new ClusterRun(start, count, isZero);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<ClusterRun> AllocateSlowlyAsync(int wanted)
    {
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            while (true)
            {
                if (TryAllocate(wanted, out var run))
                    return run;
                var sliceOffset = refcounts.SliceOffset(cursor);
                if (sliceOffset == 0)
                    await AddBlockAsync(cursor, cursor);
                else
                    (await refcounts.Blocks.GetAsync(sliceOffset)).Unpin();
            }
        }
        finally
        {
            turn.Release(held);
        }
    }

    // Makes the block that counts `cluster`, in the free cluster `place`, and counts that place. Where the place has no block either, it
    // lies in the very part that the new block counts.
    private async ValueTask AddBlockAsync(long cluster, long place)
    {
        file.Announce(FileSteps.RefBlockAlloc);
        var run = Note(place, 1);
        file.Announce(FileSteps.RefBlockAllocWrite);
        if (!run.IsZero)
            await file.WriteZeroesAsync(run.HostOffset, geometry.ClusterLength, mayUnmap: false);
        var countsItself = refcounts.AreInOneBlock(cluster, place);
        var slice = countsItself
            ? await refcounts.Blocks.AddAsync(refcounts.SliceOffset(place, run.HostOffset))
            : await refcounts.Blocks.GetAsync(refcounts.SliceOffset(place));
        try
        {
            // Why: without a wait in between, so that no write-back can bring the one to the file without the other.
            refcounts.SetBlock(cluster, run.HostOffset);
            guard.Add(run.HostOffset, geometry.ClusterLength);
            RefcountEntries.Set(slice.Span, geometry.RefcountOrder, refcounts.IndexInSlice(place), 1);
            slice.MarkDirty();
        }
        catch
        {
            if (countsItself)
                refcounts.Blocks.Drop(slice.HostOffset);
            throw;
        }
        finally
        {
            slice.Unpin();
        }
    }

    // Makes a block behind a row of clusters that is being taken, so that the row stays one. Where the part behind the row has no block
    // either, that one is made first; it may be the very one.
    private async ValueTask AddBlockBehindAsync(long cluster, long place)
    {
        while (refcounts.SliceOffset(place) != 0 && await refcounts.GetAsync(place) != 0)
            place++;
        if (refcounts.SliceOffset(place) == 0)
        {
            await AddBlockAsync(place, place);
            if (refcounts.SliceOffset(cluster) == 0)
                await AddBlockBehindAsync(cluster, place + 1);
            return;
        }

        await AddBlockAsync(cluster, place);
    }

    // One past the last cluster in use, by the blocks from the end backwards; `end` where that is further.
    private async ValueTask<long> FindEndAsync(long end)
    {
        for (var after = refcounts.EndOfBlocks; after > end;)
        {
            // Why: a table may have few blocks far apart, each of them counting many clusters.
            var last = after - 1;
            if (refcounts.SliceOffset(last) == 0)
            {
                after = last >> geometry.RefcountBlockBits << geometry.RefcountBlockBits;
                continue;
            }

            var used = await refcounts.FindLastInSliceAsync(last);
            if (used >= 0)
                return Math.Max(end, used + 1);
            after = last - refcounts.IndexInSlice(last);
        }

        return end;
    }
}
