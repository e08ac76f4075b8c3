using System.Runtime.CompilerServices;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Allocating writes: reserve, write, publish. Metadata changes stay in the caches until <see cref="FlushAsync"/>, which brings them to
/// the file in the order of <see cref="MetadataOrder"/>.
/// </summary>
/// <remarks>One thread only. The image serialises writes to one cluster.</remarks>
internal sealed class Qcow2Writer : IAsyncDisposable
{
    // Clusters that wait for the next flush to become free; more than these bring the flush about.
    private const int MaxPendingFree = 16384;

    private readonly Qcow2Image image;
    private readonly Qcow2Geometry geometry;
    private readonly BlockFile file;
    private readonly MetadataOrder order;
    private readonly RangeLock tableTurn = new();
    private readonly Stack<Qcow2Reservation> idle = new();

    private Qcow2Writer(Qcow2Image image, MetadataOrder order)
    {
        this.image = image;
        this.order = order;
        geometry = image.Geometry;
        file = image.File;
    }

    /// <summary>Whether compressed clusters were appended that are not in the file yet.</summary>
    public bool HasUnsealed => order.Appender.IsUnsealed;

    /// <summary>What the writer's changes wait for.</summary>
    internal MetadataOrder Order => order;

    /// <summary>Whether guest data is in another file.</summary>
    internal bool HasDataFile => image.DataFile != file;

    /// <summary>Whether nothing shows through where no cluster is.</summary>
    internal bool UnallocatedReadsAsZero => !image.HasBackingImage && image.Header.BackingFileName == null;

    /// <summary>Makes the writer of an image that was opened for writing.</summary>
    public static async ValueTask<Qcow2Writer> CreateAsync(Qcow2Image image)
    {
        var refcounts = await RefcountTable.ReadAsync(image.File, image.Header, image.Geometry, image.RefcountCacheBytes);
        return new(image, new MetadataOrder(image, refcounts, await MetadataGuard.CreateAsync(image, refcounts)));
    }

    /// <summary>To be awaited before a change: the image is ready for changes, and not too much waits for the next flush.</summary>
    public async ValueTask PrepareAsync()
    {
        if (!order.IsReady)
            await order.PrepareAsync();
        if (order.PendingFreeCount > MaxPendingFree)
            await order.WriteOutAsync(isComplete: false);
    }

    /// <summary>See <see cref="ImageFormat.BeginFillAsync"/>.</summary>
    public ValueTask HideAsync() => order.HideAsync();

    /// <summary>See <see cref="ImageFormat.ReserveAsync"/>.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<WriteReservation> ReserveAsync(long guestOffset, long maxLength)
    {
        if (!order.IsReady)
            await order.PrepareAsync();
        if (order.PendingFreeCount > MaxPendingFree)
            await order.WriteOutAsync(isComplete: false);
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
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<long> ZeroAsync(long guestOffset, long length, bool mayUnmap)
    {
        if (!order.IsReady)
            await order.PrepareAsync();
        if (image.Header.HasRawDataFile)
            return 0;
        var l1Index = geometry.L1Index(guestOffset);
        var needsNoEntry = UnallocatedReadsAsZero && mayUnmap;
        if (image.L1.L2Offset(l1Index) == 0 && needsNoEntry)
            return Math.Min(length, ((l1Index + 1) << geometry.L1Shift) - guestOffset);
        if (image.Header.Version < 3 && !needsNoEntry)
            return 0;
        if (order.PendingFreeCount > MaxPendingFree)
            await order.WriteOutAsync(isComplete: false);

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
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask WriteCompressedAsync(long guestOffset, IoMemory compressed)
    {
        if (!order.IsReady)
            await order.PrepareAsync();
        if (HasDataFile)
            throw new BlockException(BlockErrorKind.Unsupported, "Compressed writes are not possible with an external data file");
        if (image.IsEncrypted)
            throw new BlockException(BlockErrorKind.Unsupported, "Compressed writes are not possible in an encrypted image");
        if (order.PendingFreeCount > MaxPendingFree)
            await order.WriteOutAsync(isComplete: false);
        var slice = await GetSliceAsync(guestOffset);
        try
        {
            var place = await order.Appender.AppendAsync(compressed);
            var index = geometry.SliceIndex(guestOffset);
            SetEntry(slice, index, new L2Entry(CompressedDescriptor.Encode(place, compressed.Length, geometry.ClusterBits)));
        }
        finally
        {
            slice.Unpin();
        }
    }

    /// <summary>Brings appended clusters to the file, so that they can be read from there.</summary>
    public ValueTask SealAsync() => order.Appender.SealAsync();

    /// <summary>Writes all metadata, in order, and flushes.</summary>
    public ValueTask FlushAsync() => order.WriteOutAsync(isComplete: true);

    /// <summary>Waits for what is still in flight and gives the memory back. Writes nothing.</summary>
    public ValueTask DisposeAsync() => order.DisposeAsync();

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
            order.Release(reservation.ClusterOffset, reservation.Count);
        Close(reservation);
    }

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

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<WriteReservation> ReserveInSliceAsync(CachedTable slice, long guestOffset, long maxLength)
    {
        var index = geometry.SliceIndex(guestOffset);
        var within = geometry.OffsetInCluster(guestOffset);
        var wanted = (int)Math.Min(geometry.SliceEntryCount - index, geometry.ClustersFor(within + maxLength));
        var isNew = !IsWritableInPlace(EntryAt(slice, index));
        if (!isNew)
            DemandAligned(EntryAt(slice, index).HostOffset, "Cluster allocation", guestOffset);
        var covers = isNew && geometry.HasSubclusters && HoldsClusters(EntryAt(slice, index));
        wanted = covers ? 1 : CountAlike(slice, index, wanted, isNew);
        var run = isNew
            ? await AllocateAsync(guestOffset - within, wanted)
            : new ClusterRun(EntryAt(slice, index).HostOffset, wanted, false);
        if (!isNew && !HasDataFile)
            order.Guard.Demand(run.HostOffset, (long)run.Count << geometry.ClusterBits);

        var length = Math.Min(maxLength, ((long)run.Count << geometry.ClusterBits) - within);
        if (!idle.TryPop(out var reservation))
            reservation = new Qcow2Reservation(this);
        reservation.Open(slice, index, run.Count, run.HostOffset, isNew, covers);
        reservation.SetRange(
            image.GuestFileAt(guestOffset, run.HostOffset + within),
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

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    internal async ValueTask<ClusterRun> AllocateAsync(long guestCluster, int wanted)
    {
        // Why: in an external data file, a cluster's place is its guest offset, and nothing counts it.
        if (HasDataFile)
            return new ClusterRun(guestCluster, wanted, false);
        var run = await order.Allocator.AllocateAsync(wanted);
        try
        {
            await order.Growth.GrowAsync();
            // Why: zeroes below encryption are noise above it.
            return run with { IsZero = run.IsZero && !image.IsEncrypted };
        }
        catch
        {
            order.Release(run.HostOffset, run.Count);
            throw;
        }
    }

    /// <summary>Changes an entry; what it pointed to is released, and discarded in the file where <paramref name="discards"/>.</summary>
    internal void SetEntry(CachedTable slice, int index, L2Entry entry, bool discards = false)
    {
        var entries = new L2Slice(slice.Span, geometry.HasSubclusters);
        var old = entries[index];
        entries[index] = entry;
        slice.MarkDirty();
        order.NoteTableChange();
        if (old.IsCompressed)
            FreeCompressed(old, discards);
        else if (old.HostOffset != 0 && old.HostOffset != entry.HostOffset && !HasDataFile)
            order.Release(old.HostOffset, 1, discards);
    }

    private void FreeCompressed(L2Entry old, bool discards)
    {
        var place = CompressedDescriptor.Decode(old.Descriptor, geometry.ClusterBits);
        var first = place.HostOffset & -(long)geometry.ClusterLength;
        var count = geometry.ClustersFor(place.HostOffset + place.Length - first);
        order.Release(first, count, discards);
        image.CompressedClusters.Forget();
    }

    internal void ZeroEntry(CachedTable slice, int index, bool mayUnmap)
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
            SetEntry(slice, index, entry, mayUnmap && image.PassesDiscards);
    }

    // The slice of the L2 table for a guest offset, pinned; the table is made, or made our own, where need be.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    internal async ValueTask<CachedTable> GetSliceAsync(long guestOffset)
    {
        var index = geometry.L1Index(guestOffset);
        DemandAligned(image.L1.L2Offset(index), "L2 table", guestOffset);
        if ((image.L1[index] & L1Table.CopiedFlag) == 0)
            await OwnTableAsync(index);
        return await image.L2Cache.GetAsync(image.L1.L2Offset(index) + geometry.SliceStart(guestOffset));
    }

    // Only a broken image has something else, and writing there would break more of it.
    private void DemandAligned(long hostOffset, string what, long guestOffset)
    {
        if (geometry.OffsetInCluster(hostOffset) != 0)
            throw Qcow2Errors.Corrupt(file.Path, guestOffset, $"{what} offset 0x{hostOffset:x} unaligned (guest offset: 0x{guestOffset:x})");
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
            order.Guard.Add(run.HostOffset, geometry.ClusterLength);
            order.NoteL1Change(index);
            if (old != 0)
                order.Release(old, 1);
        }
        finally
        {
            tableTurn.Release(held);
        }
    }

    private async ValueTask<ClusterRun> MakeTableAsync(long old)
    {
        var run = await order.Allocator.AllocateAsync(1);
        try
        {
            await order.Growth.GrowAsync();
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
            order.Release(run.HostOffset, run.Count);
            throw;
        }
    }

    private async ValueTask ClearTableAsync(ClusterRun run)
    {
        file.Announce(FileSteps.L2AllocWrite);
        if (geometry.SliceLength == geometry.ClusterLength)
        {
            (await image.L2Cache.AddAsync(run.HostOffset)).Unpin();
            return;
        }

        // Why: what was at that place before it was given back and taken again may still be cached.
        for (var at = 0; at < geometry.ClusterLength; at += geometry.SliceLength)
            image.L2Cache.Drop(run.HostOffset + at);
        if (!run.IsZero)
            await file.WriteZeroesAsync(run.HostOffset, geometry.ClusterLength, mayUnmap: false);
    }

    private async ValueTask CopyTableAsync(long from, long to)
    {
        file.Announce(FileSteps.L2AllocCowRead);
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
}
