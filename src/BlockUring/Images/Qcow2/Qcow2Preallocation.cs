using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>
/// Gives each cluster of a part of the guest disk that lies behind its end a place in the file, and that place its space on the host, as the mode
/// says. All of it reads as zeroes, but in an encrypted image of version 2, which has no clusters of zeroes: there it reads as noise, as in QEMU.
/// </summary>
/// <remarks>No write runs meanwhile. Nothing of it is seen before the disk is made longer.</remarks>
internal readonly struct Qcow2Preallocation(Qcow2Image image, Qcow2Writer writer, PreallocationMode mode, bool hidesBacking)
{
    // Blocks and a table of refcounts that begin or end beside the new clusters.
    private const int FurtherClusters = 4;

    /// <summary>Refuses a disk whose clusters, all in use, could not be counted.</summary>
    public static void DemandCountable(Qcow2Image image, long newLength)
    {
        var blocks = image.Geometry.ClustersFor(newLength) >> image.Geometry.RefcountBlockBits;
        if (image.DataFile == image.File && blocks > Qcow2Limits.MaxRefcountTableBytes / sizeof(ulong))
            throw new BlockException(BlockErrorKind.NoSpace, $"Failed to resize refcount structures: {Errno.Message(Errno.EFBIG)}", Errno.EFBIG);
    }

    /// <summary>Reserves the space, and so fails, where it must, before anything else is done.</summary>
    /// <param name="start">First guest byte; a cluster's.</param>
    /// <param name="newLength">Of the guest disk.</param>
    public async ValueTask ReserveAsync(long start, long newLength)
    {
        if (newLength <= start || (!writer.HasDataFile && mode == PreallocationMode.Metadata))
            return;
        try
        {
            if (writer.HasDataFile)
                await PrepareDataFileAsync(start, newLength);
            else
                await writer.Order.Growth.ReserveAsync(BytesFor(start, newLength), mode);
        }
        catch (BlockException e)
        {
            throw new BlockException(e.Kind, $"Failed to resize underlying file: {e.Message}", e.ErrorNumber, e) { Path = e.Path, Offset = e.Offset };
        }
    }

    /// <summary>Enters the clusters into the L2 tables; the L1 table is long enough.</summary>
    /// <param name="start">First guest byte; a cluster's.</param>
    /// <param name="newLength">Of the guest disk.</param>
    public async ValueTask FillAsync(long start, long newLength)
    {
        var geometry = image.Geometry;
        var end = geometry.RoundUpToCluster(newLength);
        while (start < end)
        {
            await writer.PrepareAsync();
            var slice = await writer.GetSliceAsync(start);
            var first = geometry.SliceIndex(start);
            var count = (int)Math.Min(geometry.SliceEntryCount - first, (end - start) >> geometry.ClusterBits);
            try
            {
                for (var done = 0; done < count;)
                    done += await PlaceAsync(slice, first + done, count - done, start + ((long)done << geometry.ClusterBits));
            }
            finally
            {
                slice.Unpin();
            }

            start += (long)count << geometry.ClusterBits;
        }
    }

    // Some clusters in a row.
    private async ValueTask<int> PlaceAsync(CachedTable slice, int index, int wanted, long guestOffset)
    {
        var run = await writer.AllocateAsync(guestOffset, wanted);
        if (!writer.HasDataFile && !run.IsZero)
            await ClearAsync(run);
        for (var i = 0; i < run.Count; i++)
            writer.SetEntry(slice, index + i, EntryFor(run.HostOffset + ((long)i << image.Geometry.ClusterBits)));
        return run.Count;
    }

    // A place inside the file that was used before.
    private async ValueTask ClearAsync(ClusterRun run)
    {
        var length = (long)run.Count << image.Geometry.ClusterBits;
        try
        {
            if (mode == PreallocationMode.Full)
                await SpaceControl.WriteAsync(image.File, run.HostOffset, length);
            else
                await image.File.WriteZeroesAsync(run.HostOffset, length, mayUnmap: mode == PreallocationMode.Metadata);
        }
        catch
        {
            writer.Order.Release(run.HostOffset, run.Count);
            throw;
        }
    }

    // Subclusters count as not written, as in QEMU, unless something would be seen through them. Zeroes in the file are noise behind encryption.
    private L2Entry EntryFor(long hostOffset)
    {
        if (!image.Geometry.HasSubclusters)
            return image.IsEncrypted && image.HasZeroClusters ? L2Entry.ForZeroes(hostOffset, false) : L2Entry.ForData(hostOffset, false);
        return new L2Entry((ulong)hostOffset | L2Entry.CopiedFlag, hidesBacking ? L2Entry.ForZeroes(hostOffset, true).Bitmap : 0);
    }

    // Clusters in it are where they are on the guest disk.
    private async ValueTask PrepareDataFileAsync(long start, long newLength)
    {
        var file = image.DataFile;
        var end = image.Header.HasRawDataFile ? newLength : image.Geometry.RoundUpToCluster(newLength);

        // Why: a disk that was longer once may have left something.
        if (file.Length > start)
            await file.WriteZeroesAsync(start, Math.Min(end, file.Length) - start, mayUnmap: mode == PreallocationMode.Metadata);
        if (file.Length < end)
            await file.SetLengthAsync(end, mode == PreallocationMode.Metadata ? PreallocationMode.Off : mode);
        else if (image.Header.HasRawDataFile && file.CanGrow)
            await file.SetLengthAsync(end);
    }

    private long BytesFor(long start, long newLength)
    {
        var geometry = image.Geometry;
        var clusters = geometry.ClustersFor(newLength - start);
        var l1Count = geometry.L1CountFor(newLength);
        var tables = l1Count - geometry.L1Index(start) + geometry.ClustersFor(l1Count * L1Table.EntryLength);
        var (tableClusters, blocks) = Qcow2Layout.RefcountsFor(clusters + tables, geometry.ClusterLength, geometry.RefcountOrder);
        return checked((clusters + tables + blocks + (2 * tableClusters) + FurtherClusters) << geometry.ClusterBits);
    }
}
