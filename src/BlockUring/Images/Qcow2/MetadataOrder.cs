using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// What changed metadata waits for, and the order in which it reaches the file, which keeps the image sound at every instant: data,
/// refcounts, L2 tables, L1 table; refcounts go down last.
/// </summary>
/// <remarks>One thread only.</remarks>
internal sealed class MetadataOrder : IAsyncDisposable
{
    private readonly Qcow2Image image;
    private readonly Qcow2Geometry geometry;
    private readonly BlockFile file;
    private readonly RefcountTable refcounts;
    private readonly Qcow2HeaderWriter header;
    private readonly RangeLock prepareTurn = new();
    private readonly RangeLock flushTurn = new();
    private readonly RangeLock orderTurn = new();
    private readonly RangeLock refcountTurn = new();

    private readonly ReleasedClusters released;

    // Refcount tables that the header in the file points to no more: free once that is durable.
    private readonly List<(long HostOffset, long Count)> supersededTables = [];
    private long firstDirtyL1 = long.MaxValue;
    private long lastDirtyL1 = -1;
    private bool needsBarrier;
    private bool hasHeaderChanged;
    private bool isHidden;

    public MetadataOrder(Qcow2Image image, RefcountTable refcounts, MetadataGuard guard)
    {
        this.image = image;
        this.refcounts = refcounts;
        Guard = guard;
        geometry = image.Geometry;
        file = image.File;
        header = new Qcow2HeaderWriter(image);
        Allocator = new ClusterAllocator(file, geometry, refcounts, guard);
        Growth = new FileGrowth(file, Allocator);
        released = new ReleasedClusters(file, geometry, refcounts, Allocator);
        Appender = new CompressedAppender(file, geometry, Allocator, Growth.GrowAsync, (hostOffset, count) => Release(hostOffset, count));
        image.L2Cache.BeforeWriteBack = OrderBeforeTablesAsync;
        image.L2Cache.BeforeWrite = (offset, length) => guard.Demand(offset, length, MetadataKinds.ActiveL2);
        refcounts.Blocks.BeforeWriteBack = Growth.GrowAsync;
        refcounts.Blocks.BeforeWrite = (offset, length) => guard.Demand(offset, length, MetadataKinds.RefcountBlock);
    }

    /// <summary>The refcounts, as they are in memory.</summary>
    public RefcountTable Refcounts => refcounts;

    /// <summary>Keeps writes from metadata of another kind.</summary>
    public MetadataGuard Guard { get; }

    public ClusterAllocator Allocator { get; }

    public FileGrowth Growth { get; }

    public CompressedAppender Appender { get; }

    /// <summary>Whether <see cref="PrepareAsync"/> has run.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Entries of the list of clusters that the next flush frees.</summary>
    public int PendingFreeCount => released.Count;

    private bool HasDataFile => image.DataFile != file;

    /// <summary>
    /// Makes the image unrecognisable until the next flush: what is being filled for the first time must not look whole before it is.
    /// Until then nothing is ordered either.
    /// </summary>
    public async ValueTask HideAsync()
    {
        await PrepareAsync();
        await header.WriteAsync(0, 0u);
        isHidden = true;
    }

    /// <summary>An entry of an L2 table changed.</summary>
    public void NoteTableChange() => needsBarrier = true;

    /// <summary>An entry of the L1 table changed.</summary>
    public void NoteL1Change(long index)
    {
        firstDirtyL1 = Math.Min(firstDirtyL1, index);
        lastDirtyL1 = Math.Max(lastDirtyL1, index);
        needsBarrier = true;
    }

    /// <summary>Clusters that are not needed any more, by any table: freed by the next flush.</summary>
    /// <param name="hostOffset">The first.</param>
    /// <param name="count">How many.</param>
    /// <param name="discards">Whether the file below may forget their content then.</param>
    public void Release(long hostOffset, long count, bool discards = false) => released.Add(hostOffset, count, discards);

    /// <summary>From now on the L1 table is at another place, or of another count, written whole by the next flush, and then the header.</summary>
    public async ValueTask MoveL1Async(L1Table moved)
    {
        var held = await flushTurn.AcquireAsync(0, 1);
        SetL1(moved);
        flushTurn.Release(held);
    }

    /// <summary>
    /// Takes an L2 table away, with its changes. Why not while a flush is under way: that would free what the table pointed to in the file, and write
    /// neither the table nor the L1 entry that points to it.
    /// </summary>
    /// <param name="index">Of its L1 entry.</param>
    public async ValueTask DropTableAsync(long index)
    {
        var held = await flushTurn.AcquireAsync(0, 1);
        var offset = image.L1.L2Offset(index);
        image.L1[index] = 0;
        NoteL1Change(index);
        for (var at = 0; at < geometry.ClusterLength; at += geometry.SliceLength)
            image.L2Cache.Drop(offset + at);
        Release(offset, 1);
        flushTurn.Release(held);
    }

    /// <summary>Makes another guest size durable, with all metadata; a smaller one cuts the L1 table too.</summary>
    public async ValueTask SetGuestLengthAsync(long length, L1Table l1)
    {
        var held = await flushTurn.AcquireAsync(0, 1);
        var (oldLength, oldL1) = (image.Header.GuestLength, image.L1);
        try
        {
            image.Header = image.Header with { GuestLength = length };
            SetL1(l1);
            await WriteOutInTurnAsync(isComplete: false);
        }
        catch
        {
            // The header in the file may have either size now: the next flush writes this one again.
            image.Header = image.Header with { GuestLength = oldLength };
            SetL1(oldL1);
            throw;
        }
        finally
        {
            flushTurn.Release(held);
        }
    }

    /// <summary>Frees everything that waits for it and cuts off the end of the file that nothing uses.</summary>
    public async ValueTask CutAsync()
    {
        var held = await flushTurn.AcquireAsync(0, 1);
        try
        {
            await WriteOutInTurnAsync(isComplete: false);
            await Allocator.FindNewEndAsync();
            await Growth.CutAsync();
        }
        finally
        {
            flushTurn.Release(held);
        }
    }

    /// <summary>Waits for what is still in flight and gives the memory back. Writes nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        await Appender.CloseAsync();
        refcounts.Dispose();
    }

    /// <summary>
    /// Writes all metadata and then, while nothing else writes any, the header or a part of it.
    /// </summary>
    /// <param name="change">The header that is to be; what is unlike the one in force apart from extensions and names, <paramref name="write"/> writes.</param>
    /// <param name="write">Writes it, durably. When this fails, the file may have either.</param>
    public async ValueTask ChangeHeaderAsync(Func<Qcow2Header, Qcow2Header> change, Func<Qcow2HeaderWriter, Qcow2Header, ValueTask> write)
    {
        var held = await flushTurn.AcquireAsync(0, 1);
        try
        {
            await WriteOutInTurnAsync(isComplete: false);
            var heldRefcounts = await refcountTurn.AcquireAsync(0, 1);
            try
            {
                var changed = change(image.Header);
                await write(header, changed);
                image.Header = changed;
                Guard.Add(changed.Bitmaps?.DirectoryOffset ?? 0, changed.Bitmaps?.DirectoryLength ?? 0);
            }
            finally
            {
                refcountTurn.Release(heldRefcounts);
            }
        }
        finally
        {
            flushTurn.Release(held);
        }
    }

    /// <summary>What <see cref="PrepareAsync"/> has done was taken back: the next change waits for it again. No change runs meanwhile.</summary>
    public void ForgetPreparation() => IsReady = false;

    /// <summary>
    /// Before the first change: clears features that a writer without knowledge of them must clear (specification: "autoclear feature bits"), and marks
    /// the bitmaps as in use.
    /// </summary>
    public async ValueTask PrepareAsync()
    {
        var held = await prepareTurn.AcquireAsync(0, 1);
        try
        {
            image.DemandWritable();
            if (IsReady)
                return;
            var kept = image.Header.Autoclear & AutoclearFeatures.Known;
            if (kept != image.Header.Autoclear)
            {
                await header.WriteAsync(Qcow2Header.AutoclearOffset, (ulong)kept);
                await FlushFilesAsync();
                image.Header = image.Header with { Autoclear = kept };
            }

            if (await image.Bitmaps.MarkInUseAsync())
                await FlushFilesAsync();
            IsReady = true;
        }
        finally
        {
            prepareTurn.Release(held);
        }
    }

    /// <summary>Writes all metadata, in order, and flushes.</summary>
    /// <param name="isComplete">
    /// False bounds what waits to be freed, but does not make an image visible that is still being filled.
    /// </param>
    public async ValueTask WriteOutAsync(bool isComplete)
    {
        var held = await flushTurn.AcquireAsync(0, 1);
        try
        {
            await WriteOutInTurnAsync(isComplete);
        }
        finally
        {
            flushTurn.Release(held);
        }
    }

    private async ValueTask WriteOutInTurnAsync(bool isComplete)
    {
        image.DemandWritable();
        await Appender.FinishAsync();

        // Why: what is released from here on may still be pointed to by the tables that are written now.
        var freed = released.Take();
        try
        {
            await WriteMetadataAsync();
            if (hasHeaderChanged)
                await WriteGuestLengthAsync();
            await Growth.TrimAsync();
            var superseded = supersededTables.Count;
            await FlushFilesAsync();
            foreach (var (hostOffset, count) in supersededTables[..superseded])
                freed.Add(new FreedClusters(hostOffset, count, false));
            supersededTables.RemoveRange(0, superseded);
            if (isHidden && isComplete)
                await ShowAsync();
        }
        catch
        {
            released.PutBack(freed);
            throw;
        }

        await FreeAsync(freed);
    }

    private void SetL1(L1Table table)
    {
        image.L1 = table;
        Guard.Add(table.Offset, (long)table.Count * L1Table.EntryLength);
        image.Header = image.Header with { L1Offset = table.Offset, L1Count = table.Count };
        hasHeaderChanged = true;
        needsBarrier = true;
        (firstDirtyL1, lastDirtyL1) = (0, table.Count - 1);
    }

    private async ValueTask WriteGuestLengthAsync()
    {
        await BarrierAsync();
        hasHeaderChanged = false;
        try
        {
            file.Announce(FileSteps.L1GrowActivateTable);
            await header.WriteGuestLengthAsync();
        }
        catch
        {
            hasHeaderChanged = true;
            throw;
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
            file.Announce(FileSteps.L1Update);
            Guard.Demand(image.L1.Offset + (first * L1Table.EntryLength), (long)entries.Length * L1Table.EntryLength, MetadataKinds.ActiveL1);
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
                Guard.Demand(refcounts.Offset, (long)refcounts.ClusterCount << geometry.ClusterBits, MetadataKinds.RefcountTable);
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
            file.Announce(FileSteps.RefTableGrow);
            var run = await Allocator.AllocateRowAsync(refcounts.NeededClusterCount);
            try
            {
                await Growth.GrowAsync();
            }
            catch
            {
                Release(run.HostOffset, run.Count);
                throw;
            }

            if (refcounts.Offset != image.Header.RefcountTableOffset)
                Release(refcounts.Offset, refcounts.ClusterCount);
            refcounts.Move(run.HostOffset, run.Count);
            Guard.Add(run.HostOffset, (long)run.Count << geometry.ClusterBits);
        }
    }

    private async ValueTask PointToRefcountTableAsync()
    {
        var old = image.Header;
        if (refcounts.Offset == old.RefcountTableOffset)
            return;
        await BarrierAsync();
        var (offset, count) = (refcounts.Offset, refcounts.ClusterCount);
        file.Announce(FileSteps.RefBlockAllocSwitchTable);
        await header.WriteRefcountTableAsync(offset, count);
        image.Header = image.Header with { RefcountTableOffset = offset, RefcountTableClusters = count };
        supersededTables.Add((old.RefcountTableOffset, old.RefcountTableClusters));
    }

    // Refcounts go down once no table in the file points to the clusters any more. What could not be freed stays to be freed.
    private async ValueTask FreeAsync(List<FreedClusters> freed)
    {
        if (freed.Count == 0 && refcounts.Blocks.DirtyCount == 0)
            return;
        await released.FreeAsync(freed);
        await WriteRefcountsAsync();
        await FlushFilesAsync();
    }

    private async ValueTask ShowAsync()
    {
        await header.WriteAsync(0, Qcow2Header.Magic);
        isHidden = false;
        await FlushFilesAsync();
    }

    private ValueTask BarrierAsync() => isHidden ? ValueTask.CompletedTask : FlushFilesAsync();

    private async ValueTask FlushFilesAsync()
    {
        if (HasDataFile)
            await image.DataFile.FlushAsync();
        await file.FlushAsync();
    }
}
