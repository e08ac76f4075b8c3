using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Allocating writes: reserve, write, publish. Metadata changes stay in the caches until <see cref="FlushAsync"/>, which brings them to
/// the file in an order that keeps the image sound at every instant: data, refcounts, L2 tables, L1 table; refcounts go down last.
/// </summary>
/// <remarks>One thread only. The image serialises writes to one cluster.</remarks>
internal sealed class Qcow2Writer : IAsyncDisposable
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
    private readonly CompressedAppender appender;
    private readonly RangeLock prepareTurn = new();
    private readonly RangeLock tableTurn = new();
    private readonly RangeLock flushTurn = new();
    private readonly RangeLock orderTurn = new();
    private readonly RangeLock refcountTurn = new();
    private readonly RangeLock growTurn = new();
    private readonly Stack<Qcow2Reservation> idle = new();
    private readonly long initialLength;
    private long grownEnd;

    // Clusters that no table in memory points to any more: free once the tables are in the file.
    private List<(long HostOffset, long Count)> pendingFree = [];

    // Refcount tables that the header in the file points to no more: free once that is durable.
    private readonly List<(long HostOffset, long Count)> supersededTables = [];
    private long firstDirtyL1 = long.MaxValue;
    private long lastDirtyL1 = -1;
    private bool needsBarrier;
    private bool isHidden;
    private bool isReady;

    private Qcow2Writer(Qcow2Image image, RefcountTable refcounts)
    {
        this.image = image;
        this.refcounts = refcounts;
        geometry = image.Geometry;
        file = image.File;
        initialLength = file.Length;
        grownEnd = initialLength;
        allocator = new ClusterAllocator(file, geometry, refcounts);
        appender = new CompressedAppender(file, geometry, allocator, GrowAsync, Release);
        image.L2Cache.BeforeWriteBack = OrderBeforeTablesAsync;
        refcounts.Blocks.BeforeWriteBack = GrowAsync;
    }

    /// <summary>Whether compressed clusters were appended that are not in the file yet.</summary>
    public bool HasUnsealed => appender.IsUnsealed;

    private bool HasDataFile => image.DataFile != file;

    private bool UnallocatedReadsAsZero => !image.HasBackingImage && image.Header.BackingFileName == null;

    /// <summary>Makes the writer of an image that was opened for writing.</summary>
    public static async ValueTask<Qcow2Writer> CreateAsync(Qcow2Image image)
    {
        if (image.Header.IsDirty)
        {
            throw new BlockException(
                BlockErrorKind.Unsupported,
                $"Image '{image.File.Path}' was not closed cleanly and its refcounts must be repaired first (check -r all)") { Path = image.File.Path };
        }

        return new Qcow2Writer(image, await RefcountTable.ReadAsync(image.File, image.Header, image.Geometry));
    }

    /// <summary>
    /// Makes the image unrecognisable until the next flush: what is being filled for the first time must not look whole before it is.
    /// Until then nothing is ordered either.
    /// </summary>
    public async ValueTask HideAsync()
    {
        await PrepareAsync();
        await WriteHeaderFieldsAsync(0, 0, 0, 4);
        isHidden = true;
    }

    /// <summary>See <see cref="ImageFormat.ReserveAsync"/>.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<WriteReservation> ReserveAsync(long guestOffset, long maxLength)
    {
        if (!isReady)
            await PrepareAsync();
        if (pendingFree.Count > MaxPendingFree)
            await WriteOutAsync(isComplete: false);
        var slice = await GetSliceAsync(guestOffset);
        try
        {
            return await ReserveInSliceAsync(slice, guestOffset, maxLength);
        }
        catch
        {
            slice.Unpin();
            throw;
        }
    }

    /// <summary>See <see cref="ImageFormat.ZeroAsync"/>.</summary>
    public async ValueTask<long> ZeroAsync(long guestOffset, long length, bool mayUnmap)
    {
        if (!isReady)
            await PrepareAsync();
        if (image.Header.HasRawDataFile)
            return 0;
        var l1Index = geometry.L1Index(guestOffset);
        if (image.L1.L2Offset(l1Index) == 0 && UnallocatedReadsAsZero)
            return Math.Min(length, ((l1Index + 1) << geometry.L1Shift) - guestOffset);
        if (image.Header.Version < 3 && !UnallocatedReadsAsZero)
            return 0;
        if (pendingFree.Count > MaxPendingFree)
            await WriteOutAsync(isComplete: false);

        // The guest disk may end inside its last cluster, which is then whole for our purpose.
        var end = guestOffset + length == image.Length ? geometry.RoundUpToCluster(image.Length) : guestOffset + length;
        if (geometry.OffsetInCluster(guestOffset) != 0 || end - guestOffset < geometry.ClusterLength)
            return 0;
        var slice = await GetSliceAsync(guestOffset);
        var index = geometry.SliceIndex(guestOffset);
        var count = (int)Math.Min(geometry.SliceEntryCount - index, (end - guestOffset) >> geometry.ClusterBits);
        for (var i = 0; i < count; i++)
            ZeroEntry(slice, index + i, mayUnmap);
        slice.Unpin();
        return Math.Min(length, (long)count << geometry.ClusterBits);
    }

    /// <summary>See <see cref="ImageFormat.WriteCompressedAsync"/>.</summary>
    public async ValueTask WriteCompressedAsync(long guestOffset, IoMemory compressed)
    {
        if (!isReady)
            await PrepareAsync();
        if (HasDataFile)
            throw new BlockException(BlockErrorKind.Unsupported, "Compressed writes are not possible with an external data file");
        if (pendingFree.Count > MaxPendingFree)
            await WriteOutAsync(isComplete: false);
        var slice = await GetSliceAsync(guestOffset);
        try
        {
            var place = await appender.AppendAsync(compressed);
            // Why: what was read ahead of this place is stale now.
            image.CompressedClusters.Forget();
            var index = geometry.SliceIndex(guestOffset);
            SetEntry(slice, index, new L2Entry(CompressedDescriptor.Encode(place, compressed.Length, geometry.ClusterBits)));
        }
        finally
        {
            slice.Unpin();
        }
    }

    /// <summary>Brings appended clusters to the file, so that they can be read from there.</summary>
    public ValueTask SealAsync() => appender.SealAsync();

    /// <summary>Writes all metadata, in order, and flushes.</summary>
    public ValueTask FlushAsync() => WriteOutAsync(isComplete: true);

    /// <summary>Waits for what is still in flight and gives the memory back. Writes nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        await appender.CloseAsync();
        refcounts.Dispose();
    }

    /// <summary>Enters the clusters of a reservation whose data is written.</summary>
    internal void Publish(Qcow2Reservation reservation)
    {
        var slice = reservation.Slice;
        var entries = new L2Slice(slice.Span, geometry.HasSubclusters);
        for (var i = 0; i < reservation.Count; i++)
        {
            var old = entries[reservation.Index + i];
            var entry = PublishedEntry(reservation, i, old);
            if (entry != old)
                SetEntry(slice, reservation.Index + i, entry);
        }

        Close(reservation);
    }

    internal void Abandon(Qcow2Reservation reservation)
    {
        if (reservation.IsNew && !HasDataFile)
            Release(reservation.ClusterOffset, reservation.Count);
        Close(reservation);
    }

    // Clusters that are not needed any more, by any table.
    private void Release(long hostOffset, long count) => pendingFree.Add((hostOffset, count));

    private void Close(Qcow2Reservation reservation)
    {
        reservation.Slice.Unpin();
        idle.Push(reservation);
    }

    private L2Entry PublishedEntry(Qcow2Reservation reservation, int i, L2Entry old)
    {
        var host = reservation.ClusterOffset + ((long)i << geometry.ClusterBits);
        if (!geometry.HasSubclusters || reservation.CoversClusters)
            return L2Entry.ForData(host, geometry.HasSubclusters);

        var clusterStart = (reservation.GuestOffset & -(long)geometry.ClusterLength) + ((long)i << geometry.ClusterBits);
        var first = Math.Max(0, reservation.GuestOffset - clusterStart) >> geometry.SubclusterBits;
        var lastByte = Math.Min(geometry.ClusterLength, reservation.GuestOffset + reservation.Length - clusterStart) - 1;
        var last = lastByte >> geometry.SubclusterBits;
        var written = (uint)((1ul << (int)(last + 1)) - (1ul << (int)first));
        var allocated = (uint)old.Bitmap | written;
        var zero = (uint)(old.Bitmap >> 32) & ~written;
        return new L2Entry((ulong)host | L2Entry.CopiedFlag, ((ulong)zero << 32) | allocated);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<WriteReservation> ReserveInSliceAsync(CachedTable slice, long guestOffset, long maxLength)
    {
        var index = geometry.SliceIndex(guestOffset);
        var within = geometry.OffsetInCluster(guestOffset);
        var wanted = (int)Math.Min(geometry.SliceEntryCount - index, geometry.ClustersFor(within + maxLength));
        var isNew = !IsWritableInPlace(EntryAt(slice, index));
        var covers = isNew && geometry.HasSubclusters && HoldsClusters(EntryAt(slice, index));
        wanted = covers ? 1 : CountAlike(slice, index, wanted, isNew);
        var run = isNew
            ? await AllocateAsync(guestOffset - within, wanted)
            : new ClusterRun(EntryAt(slice, index).HostOffset, wanted, false);

        var length = Math.Min(maxLength, ((long)run.Count << geometry.ClusterBits) - within);
        if (!idle.TryPop(out var reservation))
            reservation = new Qcow2Reservation(this);
        reservation.Open(slice, index, run.Count, run.HostOffset, isNew, covers);
        reservation.SetRange(
            image.DataFile,
            guestOffset,
            length,
            run.HostOffset + within,
            EdgeLength(slice, guestOffset, guestOffset, run, isNew, covers, isHead: true),
            EdgeLength(slice, guestOffset, guestOffset + length, run, isNew, covers, isHead: false));
        return reservation;
    }

    // How far the copy-on-write goes before the start, or after the end, of a write: to the end of the granule that it does not fill.
    private long EdgeLength(CachedTable slice, long guestOffset, long edge, ClusterRun run, bool isNew, bool covers, bool isHead)
    {
        long granule = covers || !geometry.HasSubclusters ? geometry.ClusterLength : geometry.SubclusterLength;
        var past = edge & (granule - 1);
        if (past == 0)
            return 0;
        var index = geometry.SliceIndex(guestOffset) + (int)((edge >> geometry.ClusterBits) - (guestOffset >> geometry.ClusterBits));
        var kind = EntryAt(slice, index).Run(geometry.SubclusterIndex(edge), geometry.HasSubclusters, HasDataFile, out _);
        if (!isNew && kind == ClusterKind.Data)
            return 0;
        var readsAsZero = kind is ClusterKind.Zero or ClusterKind.ZeroReserved
            || (kind is ClusterKind.Unallocated or ClusterKind.UnallocatedReserved && UnallocatedReadsAsZero);

        // Why: where the whole cluster is taken along, its other subclusters may hold data.
        if (run.IsZero && readsAsZero && !covers)
            return 0;
        return isHead ? past : granule - past;
    }

    private bool IsWritableInPlace(L2Entry entry) =>
        !entry.IsCompressed && entry.IsCopied && (entry.HostOffset != 0 || HasDataFile);

    private static bool HoldsClusters(L2Entry entry) => entry.IsCompressed || entry.HostOffset != 0;

    // Entries in a row that are written in the same manner: in place on contiguous clusters, or all to new ones.
    private int CountAlike(CachedTable slice, int index, int maxCount, bool isNew)
    {
        var entries = new L2Slice(slice.Span, geometry.HasSubclusters);
        var expected = entries[index].HostOffset;
        var count = 1;
        for (; count < maxCount; count++)
        {
            var entry = entries[index + count];
            expected += geometry.ClusterLength;
            var isAlike = isNew
                ? !IsWritableInPlace(entry) && !(geometry.HasSubclusters && HoldsClusters(entry))
                : IsWritableInPlace(entry) && entry.HostOffset == expected;
            if (!isAlike)
                break;
        }

        return count;
    }

    private L2Entry EntryAt(CachedTable slice, int index) => new L2Slice(slice.Span, geometry.HasSubclusters)[index];

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ClusterRun> AllocateAsync(long guestCluster, int wanted)
    {
        // Why: in an external data file, a cluster's place is its guest offset, and nothing counts it.
        if (HasDataFile)
            return new ClusterRun(guestCluster, wanted, false);
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

    private void SetEntry(CachedTable slice, int index, L2Entry entry)
    {
        var entries = new L2Slice(slice.Span, geometry.HasSubclusters);
        var old = entries[index];
        entries[index] = entry;
        slice.MarkDirty();
        needsBarrier = true;
        if (old.IsCompressed)
            FreeCompressed(old);
        else if (old.HostOffset != 0 && old.HostOffset != entry.HostOffset && !HasDataFile)
            Release(old.HostOffset, 1);
    }

    private void FreeCompressed(L2Entry old)
    {
        var place = CompressedDescriptor.Decode(old.Descriptor, geometry.ClusterBits);
        var first = place.HostOffset & -(long)geometry.ClusterLength;
        var count = geometry.ClustersFor(place.HostOffset + place.Length - first);
        Release(first, count);
        image.CompressedClusters.Forget();
    }

    private void ZeroEntry(CachedTable slice, int index, bool mayUnmap)
    {
        var old = EntryAt(slice, index);
        L2Entry entry;
        if (UnallocatedReadsAsZero && mayUnmap && !HasDataFile)
            entry = default;
        else if (image.Header.Version < 3)
            entry = default;
        else
            entry = L2Entry.ForZeroes(!mayUnmap && IsWritableInPlace(old) ? old.HostOffset : 0, geometry.HasSubclusters);
        if (entry != old)
            SetEntry(slice, index, entry);
    }

    // The slice of the L2 table for a guest offset, pinned; the table is made, or made our own, where need be.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<CachedTable> GetSliceAsync(long guestOffset)
    {
        var index = geometry.L1Index(guestOffset);
        if ((image.L1[index] & L1Table.CopiedFlag) == 0)
            await OwnTableAsync(index);
        return await image.L2Cache.GetAsync(image.L1.L2Offset(index) + geometry.SliceStart(guestOffset));
    }

    private async ValueTask OwnTableAsync(long index)
    {
        var held = await tableTurn.AcquireAsync(0, 1);
        try
        {
            if ((image.L1[index] & L1Table.CopiedFlag) != 0)
                return;
            var old = image.L1.L2Offset(index);
            var run = await MakeTableAsync(old);
            image.L1[index] = (ulong)run.HostOffset | L1Table.CopiedFlag;
            firstDirtyL1 = Math.Min(firstDirtyL1, index);
            lastDirtyL1 = Math.Max(lastDirtyL1, index);
            needsBarrier = true;
            if (old != 0)
                Release(old, 1);
        }
        finally
        {
            tableTurn.Release(held);
        }
    }

    private async ValueTask<ClusterRun> MakeTableAsync(long old)
    {
        var run = await allocator.AllocateAsync(1);
        try
        {
            await GrowAsync();
            if (old != 0)
                await CopyTableAsync(old, run.HostOffset);
            else
                await ClearTableAsync(run);
            return run;
        }
        catch
        {
            for (var at = 0; at < geometry.ClusterLength; at += geometry.SliceLength)
                image.L2Cache.Drop(run.HostOffset + at);
            Release(run.HostOffset, run.Count);
            throw;
        }
    }

    private async ValueTask ClearTableAsync(ClusterRun run)
    {
        if (geometry.SliceLength == geometry.ClusterLength)
            (await image.L2Cache.AddAsync(run.HostOffset)).Unpin();
        else if (!run.IsZero)
            await file.WriteZeroesAsync(run.HostOffset, geometry.ClusterLength, mayUnmap: false);
    }

    private async ValueTask CopyTableAsync(long from, long to)
    {
        for (var at = 0; at < geometry.ClusterLength; at += geometry.SliceLength)
        {
            var source = await image.L2Cache.GetAsync(from + at);
            try
            {
                var target = await image.L2Cache.AddAsync(to + at);
                source.Span.CopyTo(target.Span);
                target.Unpin();
            }
            finally
            {
                source.Unpin();
            }
        }
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

    // Before the first change: features that a writer without knowledge of them must clear (specification: "autoclear feature bits").
    private async ValueTask PrepareAsync()
    {
        var held = await prepareTurn.AcquireAsync(0, 1);
        try
        {
            if (isReady)
                return;
            var kept = image.Header.Autoclear & AutoclearFeatures.RawDataFile;
            if (kept != image.Header.Autoclear)
            {
                await WriteHeaderFieldsAsync(Qcow2Header.AutoclearOffset, (ulong)kept, 0, 8);
                await FlushFilesAsync();
                image.Header = image.Header with { Autoclear = kept };
            }

            isReady = true;
        }
        finally
        {
            prepareTurn.Release(held);
        }
    }

    // An incomplete flush bounds what waits to be freed; it does not make an image visible that is still being filled.
    private async ValueTask WriteOutAsync(bool isComplete)
    {
        var held = await flushTurn.AcquireAsync(0, 1);
        try
        {
            await appender.FinishAsync();

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
            await appender.SealAsync();
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
        if (HasDataFile)
            await image.DataFile.FlushAsync();
        await file.FlushAsync();
    }
}
