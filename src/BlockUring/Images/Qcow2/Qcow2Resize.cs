using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Changes the guest size. Growing: a longer L1 table, zeroes over what a backing file would show, everything durable, then the header. Shrinking:
/// clusters and tables behind the new end go, then the header and the L1 table's end, then the end of the file.
/// </summary>
/// <remarks>
/// No write runs meanwhile. Power loss leaves the old size or the new one; with the old one, what lies behind the new one may be gone.
/// </remarks>
internal readonly struct Qcow2Resize(Qcow2Image image, Qcow2Writer writer)
{
    /// <summary>Refuses what cannot be done, before anything is changed.</summary>
    public static void DemandPossible(Qcow2Image image, long newLength, PreallocationMode preallocation, bool hidesBacking)
    {
        var header = image.Header;
        if ((newLength & 511) != 0)
            throw new BlockException(BlockErrorKind.Invalid, "The new size must be a multiple of 512", Errno.EINVAL);
        if (header.SnapshotCount > 0 && header.Version < 3)
            throw new BlockException(BlockErrorKind.Unsupported, "Can't resize a v2 image which has snapshots", Errno.EOPNOTSUPP);
        if (image.Geometry.L1CountFor(newLength) > Qcow2Limits.MaxL1Bytes / L1Table.EntryLength)
            throw new BlockException(BlockErrorKind.NoSpace, "Failed to grow the L1 table: File too large", Errno.EFBIG);
        if (newLength <= image.Length)
            return;
        var hidesWithData = !image.HasZeroClusters && HidesBacking(image, hidesBacking);
        if (hidesWithData && image.IsEncrypted)
            throw new BlockException(BlockErrorKind.Unsupported, "Failed to zero out new clusters: Operation not supported", Errno.EOPNOTSUPP);
        if (hidesWithData || preallocation != PreallocationMode.Off)
            Qcow2Preallocation.DemandCountable(image, newLength);
    }

    /// <summary>Changes the size.</summary>
    public async ValueTask RunAsync(long newLength, PreallocationMode preallocation, bool hidesBacking)
    {
        await writer.PrepareAsync();

        // Why: a raw data file alone is to tell what the disk holds, so no cluster may be one of zeroes for want of a place there. And version 2 has
        // no such clusters, so what must not be seen below the new ones is hidden by places with zeroes.
        var needsPlaces = image.Header.HasRawDataFile || (!image.HasZeroClusters && HidesBacking(image, hidesBacking));
        if (needsPlaces && preallocation == PreallocationMode.Off)
            preallocation = PreallocationMode.Metadata;
        if (newLength > image.Length && preallocation != PreallocationMode.Off)
            await GrowPreallocatedAsync(newLength, preallocation, HidesBacking(image, hidesBacking));
        else if (newLength > image.Length)
            await GrowAsync(newLength, HidesBacking(image, hidesBacking));
        else
            await ShrinkAsync(newLength);
    }

    /// <summary>Takes all of the guest's clusters away, durably: the backing file shows everywhere, or zeroes do.</summary>
    public async ValueTask ClearAllAsync()
    {
        await writer.PrepareAsync();
        if (image.Header.HasRawDataFile)
            throw new BlockException(BlockErrorKind.Unsupported, "An image with a raw external data file cannot be emptied", Errno.EOPNOTSUPP);
        await ClearAsync(0);
        await image.FlushAsync();
        await writer.Order.CutAsync();
        await image.FlushAsync();
    }

    // Why: what a backing file shows that is named, but was not opened, cannot be known.
    private static bool HidesBacking(Qcow2Image image, bool isLonger) =>
        isLonger || (!image.HasBackingImage && image.Header.BackingFileName != null);

    private async ValueTask GrowAsync(long newLength, bool hidesBacking)
    {
        var geometry = image.Geometry;
        var start = geometry.RoundUpToCluster(image.Length);

        // Why: nothing should be there, but what a shrinking that broke off has left must not come up again.
        await ClearAsync(start);
        await GrowL1Async((int)geometry.L1CountFor(newLength));
        if (hidesBacking)
            await HideBackingAsync(start, geometry.RoundUpToCluster(newLength));
        await writer.Order.SetGuestLengthAsync(newLength, image.L1);
    }

    private async ValueTask GrowPreallocatedAsync(long newLength, PreallocationMode mode, bool hidesBacking)
    {
        var start = image.Geometry.RoundUpToCluster(image.Length);
        await ClearAsync(start);
        try
        {
            var places = new Qcow2Preallocation(image, writer, mode, hidesBacking);
            await places.ReserveAsync(start, newLength);
            await GrowL1Async((int)image.Geometry.L1CountFor(newLength));
            await places.FillAsync(start, newLength);
            await writer.Order.SetGuestLengthAsync(newLength, image.L1);
        }
        catch (BlockException)
        {
            await TryTakeBackAsync(start);
            throw;
        }

        image.ForgetSparseness();
    }

    // Nobody sees the clusters behind the end; but they would take their space for good.
    private async ValueTask TryTakeBackAsync(long start)
    {
        try
        {
            // Why first: the header in the file may have the new size.
            await writer.FlushAsync();
            await ClearAsync(start);
            await writer.FlushAsync();
            await writer.Order.CutAsync();
        }
        catch (BlockException)
        {
            // The failure that led here is the one to report.
        }
    }

    private async ValueTask ShrinkAsync(long newLength)
    {
        var geometry = image.Geometry;
        image.File.Announce(FileSteps.L1ShrinkFreeL2Clusters);
        await ClearAsync(geometry.RoundUpToCluster(newLength));
        var old = image.L1;
        var count = (int)Math.Clamp(geometry.L1CountFor(newLength), Math.Min(1, old.Count), old.Count);
        image.File.Announce(FileSteps.L1ShrinkWriteTable);
        await writer.Order.SetGuestLengthAsync(newLength, old.Moved(old.Offset, count));
        var kept = L1Clusters(count);
        if (L1Clusters(old.Count) > kept)
            writer.Order.Release(old.Offset + (kept << geometry.ClusterBits), L1Clusters(old.Count) - kept);
        try
        {
            if (image.Header.HasRawDataFile && image.DataFile.CanGrow)
                await image.DataFile.SetLengthAsync(newLength);
            await writer.Order.CutAsync();
        }
        catch (BlockException)
        {
            // The size has changed, and lasts: all that is left undone is giving space back, which the next flush tries again.
        }
    }

    private long L1Clusters(int count) => Math.Max(1, image.Geometry.ClustersFor((long)count * L1Table.EntryLength));

    // In the clusters it has, or else in new ones: the old table stays as it is until the header points to the new one.
    private async ValueTask GrowL1Async(int count)
    {
        var old = image.L1;
        if (count <= old.Count)
            return;
        if (old.Count > 0 && L1Clusters(count) == L1Clusters(old.Count))
        {
            await writer.Order.MoveL1Async(old.Moved(old.Offset, count));
            return;
        }

        image.File.Announce(FileSteps.L1GrowAllocTable);
        var run = await writer.Order.Allocator.AllocateRowAsync((int)L1Clusters(count));
        try
        {
            await writer.Order.Growth.GrowAsync();
        }
        catch
        {
            writer.Order.Release(run.HostOffset, run.Count);
            throw;
        }

        image.File.Announce(FileSteps.L1GrowWriteTable);
        await writer.Order.MoveL1Async(old.Moved(run.HostOffset, count));
        if (old.Offset != 0)
            writer.Order.Release(old.Offset, L1Clusters(old.Count));
    }

    private async ValueTask HideBackingAsync(long start, long end)
    {
        var geometry = image.Geometry;
        while (start < end)
        {
            await writer.PrepareAsync();
            var slice = await writer.GetSliceAsync(start);
            var first = geometry.SliceIndex(start);
            var count = (int)Math.Min(geometry.SliceEntryCount - first, (end - start) >> geometry.ClusterBits);
            for (var i = first; i < first + count; i++)
                writer.ZeroEntry(slice, i, mayUnmap: true);
            slice.Unpin();
            start += (long)count << geometry.ClusterBits;
        }
    }

    // Takes away all clusters from a guest offset on, to the end of the L1 table, and the L2 tables that are empty then.
    private async ValueTask ClearAsync(long start)
    {
        var geometry = image.Geometry;
        var end = (long)image.L1.Count << geometry.L1Shift;
        while (start < end)
        {
            var index = geometry.L1Index(start);
            if (image.L1.L2Offset(index) == 0)
            {
                start = (index + image.L1.CountEmpty(index, image.L1.Count - index)) << geometry.L1Shift;
                continue;
            }

            await ClearTableAsync(index, start);
            start = (index + 1) << geometry.L1Shift;
        }
    }

    private async ValueTask ClearTableAsync(long index, long start)
    {
        var geometry = image.Geometry;
        var (tableStart, tableEnd) = (index << geometry.L1Shift, (index + 1) << geometry.L1Shift);
        for (var at = start; at < tableEnd;)
        {
            await writer.PrepareAsync();
            var slice = await writer.GetSliceAsync(at);
            var first = geometry.SliceIndex(at);
            for (var i = first; i < geometry.SliceEntryCount; i++)
            {
                if (new L2Slice(slice.Span, geometry.HasSubclusters)[i] != default)
                    writer.SetEntry(slice, i, default, image.PassesDiscards);
            }

            slice.Unpin();
            at += (long)(geometry.SliceEntryCount - first) << geometry.ClusterBits;
        }

        if (start == tableStart)
            await writer.Order.DropTableAsync(index);
    }
}
