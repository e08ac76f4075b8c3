using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Brings changes of an image's metadata to the file, in an order that keeps the image sound at every instant: data, refcounts, L2 tables,
/// L1 table; refcounts go down last, when no table in the file points to the clusters any more.
/// </summary>
/// <remarks>
/// One thread only; requests go on meanwhile. Each stage takes note of its changes before the stages before it run, so that what is
/// changed during a flush waits for the next; what could not be written stays to be written.
/// </remarks>
internal sealed class MetadataWriter : IAsyncDisposable
{
    // Clusters that wait for the next flush to become free; more than these bring the flush about.
    private const int MaxPendingFree = 16384;

    // Why: extending O_DIRECT writes run at half speed, so the file grows ahead of them in large steps; a flush cuts off what is unused.
    private const long GrowthStep = 64 << 20;

    private readonly Qcow2Image image;
    private readonly Qcow2Geometry geometry;
    private readonly BlockFile file;
    private readonly RefcountTable refcounts;
    private readonly ClusterAllocator allocator;
    private readonly RangeLock prepareTurn = new();
    private readonly RangeLock flushTurn = new();
    private readonly RangeLock orderTurn = new();
    private readonly RangeLock refcountTurn = new();
    private readonly RangeLock growTurn = new();
    private readonly long initialLength;

    // Refcount tables that the header in the file points to no more: free once that is durable.
    private readonly List<(long HostOffset, long Count)> supersededTables = [];

    // Clusters that no table in memory points to any more: free once the tables are in the file.
    private List<(long HostOffset, long Count)> pendingFree = [];
    private long grownEnd;
    private long firstDirtyL1 = long.MaxValue;
    private long lastDirtyL1 = -1;
    private bool needsBarrier;
    private bool isHidden;

    public MetadataWriter(Qcow2Image image, RefcountTable refcounts)
    {
        this.image = image;
        this.refcounts = refcounts;
        geometry = image.Geometry;
        file = image.File;
        initialLength = file.Length;
        grownEnd = initialLength;
        allocator = new ClusterAllocator(file, geometry, refcounts);
        Appender = new CompressedAppender(file, geometry, allocator, GrowAsync, Release);
        image.L2Cache.BeforeWriteBack = OrderBeforeTablesAsync;
        refcounts.Blocks.BeforeWriteBack = GrowAsync;
    }

    /// <summary>Takes compressed clusters; sealed before a table that points to them is written.</summary>
    public CompressedAppender Appender { get; }

    /// <summary>Whether <see cref="PrepareAsync"/> has been done.</summary>
    public bool IsReady { get; private set; }

    /// <summary>
    /// To be done before the first change: clears features that a writer without knowledge of them must clear (specification: "autoclear
    /// feature bits").
    /// </summary>
    public async ValueTask PrepareAsync()
    {
        var held = await prepareTurn.AcquireAsync(0, 1);
        try
        {
            if (IsReady)
                return;
            var kept = image.Header.Autoclear & AutoclearFeatures.RawDataFile;
            if (kept != image.Header.Autoclear)
            {
                await WriteHeaderFieldsAsync(Qcow2Header.AutoclearOffset, (ulong)kept, 0, 8);
                await FlushFilesAsync();
                image.Header = image.Header with { Autoclear = kept };
            }

            IsReady = true;
        }
        finally
        {
            prepareTurn.Release(held);
        }
    }

    /// <summary>Makes the image unrecognisable until the next flush; until then nothing is ordered.</summary>
    public async ValueTask HideAsync()
    {
        await WriteHeaderFieldsAsync(0, 0, 0, 4);
        isHidden = true;
    }

    /// <summary>Takes up to <paramref name="wanted"/> clusters in a row, which the file has room for.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<ClusterRun> AllocateAsync(int wanted)
    {
        var run = await allocator.AllocateAsync(wanted);
        try
        {
            await GrowAsync();
            return run;
        }
        catch
        {
            Release(run.HostOffset, run.Count);
            throw;
        }
    }

    /// <summary>Gives clusters back that no table points to any more: they become free with the next flush.</summary>
    public void Release(long hostOffset, long count) => pendingFree.Add((hostOffset, count));

    /// <summary>An entry of an L2 table was changed in the cache.</summary>
    public void NoteTableChange() => needsBarrier = true;

    /// <summary>Changes an entry of the L1 table. The table that it points to is in the cache, or in the file.</summary>
    public void SetL1Entry(long index, ulong entry)
    {
        image.L1[index] = entry;
        firstDirtyL1 = Math.Min(firstDirtyL1, index);
        lastDirtyL1 = Math.Max(lastDirtyL1, index);
        needsBarrier = true;
    }

    /// <summary>Writes all metadata, in order, and flushes.</summary>
    public ValueTask FlushAsync() => WriteOutAsync(isComplete: true);

    /// <summary>Flushes when too much waits for that to become free. An image that is hidden stays so.</summary>
    public ValueTask BoundAsync() => pendingFree.Count > MaxPendingFree ? WriteOutAsync(isComplete: false) : ValueTask.CompletedTask;

    /// <summary>Waits for what is still in flight and gives the memory back. Writes nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        await Appender.CloseAsync();
        refcounts.Dispose();
    }

    // Nothing is written beyond `grownEnd`, and only this makes it larger, one caller at a time: setting a length can thus never cut off
    // what another request has just written.
    private ValueTask GrowAsync() => allocator.End <= grownEnd || !file.CanGrow ? ValueTask.CompletedTask : GrowInTurnAsync();

    private async ValueTask GrowInTurnAsync()
    {
        var held = await growTurn.AcquireAsync(0, 1);
        try
        {
            if (allocator.End <= grownEnd)
                return;
            var grown = (allocator.End + GrowthStep) & -GrowthStep;
            await file.SetLengthAsync(grown);
            grownEnd = grown;
        }
        finally
        {
            growTurn.Release(held);
        }
    }

    // Cuts off what the file has grown ahead. `grownEnd` comes down first, so that whoever takes clusters meanwhile waits to grow the file anew.
    private async ValueTask TrimAsync()
    {
        if (grownEnd == initialLength)
            return;
        var held = await growTurn.AcquireAsync(0, 1);
        try
        {
            var end = Math.Max(allocator.End, initialLength);
            if (end >= grownEnd)
                return;
            grownEnd = end;
            await file.SetLengthAsync(end);
        }
        finally
        {
            growTurn.Release(held);
        }
    }

    // An incomplete flush bounds what waits to be freed; it does not make an image visible that is still being filled.
    private async ValueTask WriteOutAsync(bool isComplete)
    {
        var held = await flushTurn.AcquireAsync(0, 1);
        try
        {
            await Appender.FinishAsync();

            // Why: what is released from here on may still be pointed to by the tables that are written now.
            var freed = pendingFree;
            pendingFree = [];
            try
            {
                await WriteMetadataAsync();
                await TrimAsync();
                var superseded = supersededTables.Count;
                await FlushFilesAsync();
                freed.AddRange(supersededTables[..superseded]);
                supersededTables.RemoveRange(0, superseded);
                if (isHidden && isComplete)
                    await ShowAsync();
            }
            catch
            {
                pendingFree.AddRange(freed);
                throw;
            }

            await FreeAsync(freed);
        }
        finally
        {
            flushTurn.Release(held);
        }
    }

    private async ValueTask WriteMetadataAsync()
    {
        // Why: entries made from here on point to tables that may not be among those written now.
        var (first, last) = (firstDirtyL1, lastDirtyL1);
        var entries = last < 0 ? [] : image.L1.Copy(first, last);
        (firstDirtyL1, lastDirtyL1) = (long.MaxValue, -1);
        try
        {
            await OrderBeforeTablesAsync();
            await image.L2Cache.WriteBackAsync();
            if (entries.Length == 0)
                return;
            await BarrierAsync();
            await image.L1.WriteAsync(file, first, entries);
        }
        catch
        {
            (firstDirtyL1, lastDirtyL1) = (Math.Min(firstDirtyL1, first), Math.Max(lastDirtyL1, last));
            throw;
        }
    }

    // What an L2 table points to is in the file before the table is: appended data, and the refcounts of its clusters. Who finds that done
    // has waited for whoever does it.
    private async ValueTask OrderBeforeTablesAsync()
    {
        var held = await orderTurn.AcquireAsync(0, 1);
        try
        {
            if (!needsBarrier)
                return;
            needsBarrier = false;
            await Appender.SealAsync();
            await WriteRefcountsAsync();
            await BarrierAsync();
        }
        catch
        {
            needsBarrier = true;
            throw;
        }
        finally
        {
            orderTurn.Release(held);
        }
    }

    private async ValueTask WriteRefcountsAsync()
    {
        var held = await refcountTurn.AcquireAsync(0, 1);
        try
        {
            await MoveRefcountTableAsync();
            var changes = refcounts.TakeTableChanges();
            try
            {
                await refcounts.Blocks.WriteBackAsync();
                if (changes.Entries.Length == 0)
                    return;
                await BarrierAsync();
                await refcounts.WriteTableAsync(changes);
                await PointToRefcountTableAsync();
            }
            catch
            {
                refcounts.PutTableChangesBack(changes);
                throw;
            }
        }
        finally
        {
            refcountTurn.Release(held);
        }
    }

    // To a new place in memory, where it has more blocks than the one in the file can hold.
    private async ValueTask MoveRefcountTableAsync()
    {
        while (refcounts.HasOutgrownFile)
        {
            var run = await allocator.AllocateRowAsync(refcounts.NeededClusterCount);
            try
            {
                await GrowAsync();
            }
            catch
            {
                Release(run.HostOffset, run.Count);
                throw;
            }

            if (refcounts.Offset != image.Header.RefcountTableOffset)
                Release(refcounts.Offset, refcounts.ClusterCount);
            refcounts.Move(run.HostOffset, run.Count);
        }
    }

    private async ValueTask PointToRefcountTableAsync()
    {
        var old = image.Header;
        if (refcounts.Offset == old.RefcountTableOffset)
            return;
        await BarrierAsync();
        var (offset, count) = (refcounts.Offset, refcounts.ClusterCount);
        await WriteHeaderFieldsAsync(Qcow2Header.RefcountTableFieldOffset, (ulong)offset, (uint)count, 12);
        image.Header = image.Header with { RefcountTableOffset = offset, RefcountTableClusters = count };
        supersededTables.Add((old.RefcountTableOffset, old.RefcountTableClusters));
    }

    // Refcounts go down once no table in the file points to the clusters any more. What could not be freed stays to be freed.
    private async ValueTask FreeAsync(List<(long HostOffset, long Count)> freed)
    {
        if (freed.Count == 0 && refcounts.Blocks.DirtyCount == 0)
            return;
        for (var i = 0; i < freed.Count; i++)
        {
            var (hostOffset, count) = freed[i];
            while (count > 0)
            {
                try
                {
                    await allocator.FreeAsync(hostOffset, 1);
                }
                catch (BlockException e)
                {
                    if (e.Kind == BlockErrorKind.Corrupt)
                        (hostOffset, count) = (hostOffset + geometry.ClusterLength, count - 1);
                    if (count > 0)
                        Release(hostOffset, count);
                    pendingFree.AddRange(freed[(i + 1)..]);
                    throw;
                }

                hostOffset += geometry.ClusterLength;
                count--;
            }
        }

        await WriteRefcountsAsync();
        await FlushFilesAsync();
    }

    private async ValueTask ShowAsync()
    {
        await WriteHeaderFieldsAsync(0, Qcow2Header.Magic, 0, 4);
        isHidden = false;
        await FlushFilesAsync();
    }

    // Why: only the fields that change, all in the first sector: the header as a whole may be longer, and a power cut could tear it.
    private async ValueTask WriteHeaderFieldsAsync(int offset, ulong first, uint second, int length)
    {
        using var buffer = file.Buffers.Rent(16);
        if (length == 4)
            BinaryPrimitives.WriteUInt32BigEndian(buffer.Span, (uint)first);
        else
            BinaryPrimitives.WriteUInt64BigEndian(buffer.Span, first);
        BinaryPrimitives.WriteUInt32BigEndian(buffer.Span[8..], second);
        await file.WriteAsync(offset, buffer.Memory.Slice(0, length));
    }

    private ValueTask BarrierAsync() => isHidden ? ValueTask.CompletedTask : FlushFilesAsync();

    private async ValueTask FlushFilesAsync()
    {
        if (image.DataFile != file)
            await image.DataFile.FlushAsync();
        await file.FlushAsync();
    }
}
