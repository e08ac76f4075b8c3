using System.Runtime.CompilerServices;
using BlockUring.Bitmaps;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>
/// An open image with its backing chain: the only data path. Splits requests at mappings, reads through the chain, fills zeroes and
/// serialises overlapping writes.
/// </summary>
/// <remarks>All members are called on the thread that owns the image's I/O.</remarks>
public sealed class Image : GuestDisk, IAsyncDisposable
{
    private readonly RangeLock writeLock = new();
    private readonly Stack<ReadBatch> idleBatches = new();
    private readonly Image? ownedBacking;
    private GuestDisk? backing;

    /// <summary>Binds a format to its file; the image owns both from now on, and <paramref name="backing"/> too.</summary>
    public Image(string fileName, ImageFormat format, BlockFile file, Image? backing = null)
    {
        FileName = fileName;
        Format = format;
        File = file;
        ownedBacking = backing;
        this.backing = backing;
        format.HasBackingImage = backing != null;
    }

    /// <summary>The name by which the image was opened, for messages and `info`.</summary>
    public string FileName { get; }

    /// <summary>The format driver.</summary>
    public ImageFormat Format { get; }

    /// <summary>The file that holds the format's metadata.</summary>
    public BlockFile File { get; }

    /// <inheritdoc/>
    public override GuestDisk? Backing => backing;

    /// <inheritdoc/>
    public override bool MayShowBacking => backing != null || Format.BackingFileName != null;

    /// <inheritdoc/>
    public override long Length => Format.Length;

    /// <inheritdoc/>
    public override int ClusterLength => Format.ClusterLength;

    /// <inheritdoc/>
    public override BufferPool Buffers => File.Buffers;

    /// <summary>Shows another disk where this image has nothing of its own; only while no request is in flight. It is not owned.</summary>
    public void SetBacking(GuestDisk? disk)
    {
        backing = disk;
        Format.HasBackingImage = disk != null;
    }

    /// <summary>
    /// The dirty bitmaps that follow the writes to this image, where no node of a graph does that; null for none. See <see cref="LoadBitmapsAsync"/>.
    /// </summary>
    public DirtyBitmapList? Bitmaps { get; private set; }

    /// <summary>Loads the image's persistent bitmaps; from now on they follow its writes.</summary>
    /// <exception cref="BlockException">One cannot be loaded.</exception>
    public async ValueTask LoadBitmapsAsync()
    {
        var loaded = new DirtyBitmapList();
        await Format.LoadBitmapsAsync(loaded, !File.IsReadOnly);
        Bitmaps = loaded;
    }

    /// <summary>Stores them, durably; nothing else runs. Without this they are inconsistent after any change.</summary>
    public ValueTask StoreBitmapsAsync() => Bitmaps == null ? ValueTask.CompletedTask : Format.StoreBitmapsAsync(Bitmaps);

    /// <summary>The reads in flight, where somebody wants to know of them; null otherwise.</summary>
    internal ReadTracker? Reads { get; set; }

    /// <inheritdoc/>
    public override ValueTask ReadAsync(long offset, IoMemory destination) =>
        Reads == null ? ReadNowAsync(offset, destination) : Reads.TrackAsync(offset, offset + destination.Length, ReadNowAsync(offset, destination));

    private ValueTask ReadNowAsync(long offset, IoMemory destination)
    {
        // Why: the common case, one mapping that covers the request, adds no async layer to the file's own request.
        if (destination.Length > 0 && offset + destination.Length <= Length)
        {
            var mapping = Format.MapAsync(offset, destination.Length);
            if (mapping.IsCompletedSuccessfully)
            {
                var found = mapping.Result;
                return found.Length >= destination.Length && found.Kind == MappingKind.Data
                    ? found.File!.ReadAsync(found.HostOffset, destination)
                    : ReadPiecesAsync(offset, destination, found);
            }

            return ReadMappedAsync(mapping, offset, destination);
        }

        return ReadPiecesAsync(offset, destination, default);
    }

    /// <inheritdoc/>
    /// <remarks>Reserve, write, publish.</remarks>
    public override ValueTask WriteAsync(long offset, IoMemory source, WriteFlags flags = WriteFlags.None)
    {
        DemandInside(offset, source.Length);
        Bitmaps?.MarkWritten(offset, source.Length);
        if (!Format.TryMapForOverwrite(offset, source.Length, out var file, out var hostOffset))
            return WriteReservedAsync(offset, source, Fills(flags));
        return Fills(flags) ? ValueTask.CompletedTask : file.WriteAsync(hostOffset, source);
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public override async ValueTask WriteZeroesAsync(long offset, long length, WriteFlags flags = WriteFlags.None)
    {
        var mayUnmap = (flags & WriteFlags.MayUnmap) != 0;
        DemandInside(offset, length);
        if (length == 0)
            return;
        Bitmaps?.MarkWritten(offset, length);
        var held = await LockClustersAsync(offset, length);
        try
        {
            while (length > 0)
            {
                var (part, isFree) = Fills(flags) ? await FindGapAsync(offset, length) : (length, true);
                var done = isFree ? await Format.ZeroAsync(offset, part, mayUnmap) : part;
                if (done == 0)
                {
                    var reservation = await Format.ReserveAsync(offset, DistanceToCluster(offset, part));
                    done = reservation.Length;
                    await FillWithZeroesAsync(reservation, mayUnmap);
                }

                offset += done;
                length -= done;
            }
        }
        finally
        {
            writeLock.Release(held);
        }
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public override async ValueTask DiscardAsync(long offset, long length)
    {
        DemandInside(offset, length);
        if (length == 0)
            return;
        Bitmaps?.MarkWritten(offset, length);
        var held = await LockClustersAsync(offset, length);
        try
        {
            await Format.DiscardAsync(offset, length);
        }
        finally
        {
            writeLock.Release(held);
        }
    }

    /// <summary>Changes the guest size, durably; what is added reads as zeroes.</summary>
    /// <param name="newLength">Bytes.</param>
    /// <param name="preallocation">How the added part is reserved.</param>
    /// <remarks>No request may be in flight behind the new end; on a format without clusters none at all may be.</remarks>
    /// <exception cref="BlockException">Why not, in QEMU's words; the size is what it was then.</exception>
    public async ValueTask ResizeAsync(long newLength, PreallocationMode preallocation = PreallocationMode.Off)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(newLength);
        var held = await writeLock.AcquireAsync(0, long.MaxValue);
        try
        {
            var oldLength = Length;
            if (newLength < oldLength && preallocation != PreallocationMode.Off)
                throw new BlockException(BlockErrorKind.Invalid, NoPreallocation(), Native.Interop.Errno.EINVAL);
            if (newLength > oldLength)
                await ZeroTailAsync(oldLength, preallocation != PreallocationMode.Off);
            if (newLength != oldLength)
                await Format.ResizeAsync(newLength, preallocation, newLength > oldLength && backing != null && backing.Length > oldLength);
        }
        finally
        {
            writeLock.Release(held);
        }
    }

    private string NoPreallocation() =>
        Format.ClusterLength == 0 ? "Cannot use preallocation for shrinking files" : "Preallocation can't be used for shrinking an image";

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public override async ValueTask WriteCompressedAsync(long offset, IoMemory compressed)
    {
        DemandInside(offset, 1);
        Bitmaps?.MarkWritten(offset, Math.Min(ClusterLength, Length - offset));
        var held = await LockClustersAsync(offset, 1);
        try
        {
            await Format.WriteCompressedAsync(offset, compressed);
        }
        finally
        {
            writeLock.Release(held);
        }
    }

    /// <inheritdoc/>
    public override ValueTask FlushAsync() => Format.FlushAsync();

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public override async ValueTask<BlockStatus> GetLayerStatusAsync(long offset, long maxLength, bool wantZero = true)
    {
        var mapping = await Format.MapAsync(offset, Math.Min(maxLength, Length - offset));
        switch (mapping.Kind)
        {
            case MappingKind.Data:
                return await DataStatusAsync(mapping, wantZero);
            case MappingKind.Zero:
                return Format.IsEncrypted || mapping.HostOffset < 0
                    ? new(mapping.Length, false, true, true)
                    : new(mapping.Length, false, true, true, File: mapping.File, HostOffset: mapping.HostOffset);
            case MappingKind.Compressed:
                return new(mapping.Length, true, false, true, IsCompressed: true);
            default:
                if (!Format.SupportsBacking || Backing == null)
                    return new(mapping.Length, false, true, false, File: mapping.File, HostOffset: mapping.HostOffset);
                return offset >= Backing.Length
                    ? new(mapping.Length, false, wantZero, false, File: mapping.File, HostOffset: mapping.HostOffset)
                    : new(Math.Min(mapping.Length, Math.Max(1, Backing.Length - offset)), false, false, false);
        }
    }

    /// <summary>Closes the format, the file and the chain below. Writes nothing; flush first.</summary>
    public async ValueTask DisposeAsync()
    {
        await Format.DisposeAsync();
        await File.DisposeAsync();
        if (ownedBacking != null)
            await ownedBacking.DisposeAsync();
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<BlockStatus> DataStatusAsync(Mapping mapping, bool wantZero)
    {
        if (Format.IsEncrypted)
            return new(mapping.Length, true, false, true);
        var length = mapping.Length;
        var extent = new FileExtent(length, false);
        if (wantZero && mapping.MayBeSparse)
        {
            extent = await mapping.File!.GetExtentAsync(mapping.HostOffset, length);
            length = Math.Min(length, extent.Length);
        }

        if (extent.IsUnallocated)
            return new(length, false, false, false);
        var isData = extent.IsData || ClusterHoldsData();
        return new(length, isData, extent.IsHole, true, File: mapping.File, HostOffset: mapping.HostOffset);
    }

    // Why: QEMU calls a hole below a mapped cluster both data and zero; below raw it is zero only.
    private bool ClusterHoldsData() => Format.ClusterLength > 0;

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadMappedAsync(ValueTask<Mapping> pending, long offset, IoMemory destination)
    {
        var mapping = await pending;
        if (mapping.Length >= destination.Length && mapping.Kind == MappingKind.Data)
            await mapping.File!.ReadAsync(mapping.HostOffset, destination);
        else
            await ReadPiecesAsync(offset, destination, mapping);
    }

    // Starts a request for every piece, then waits for all, the failed ones' companions too: their buffers are in use until then.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadPiecesAsync(long offset, IoMemory destination, Mapping first)
    {
        if (!idleBatches.TryPop(out var batch))
            batch = new ReadBatch();
        try
        {
            while (destination.Length > 0)
            {
                if (offset >= Length)
                {
                    destination.Span.Clear();
                    break;
                }

                var wanted = (int)Math.Min(destination.Length, Length - offset);
                var mapping = first.Length > 0 ? first : await Format.MapAsync(offset, wanted);
                first = default;
                var part = (int)Math.Min(wanted, mapping.Length);
                await batch.AddAsync(ReadPieceAsync(mapping, offset, destination.Slice(0, part)));
                offset += part;
                destination = destination.Slice(part);
            }
        }
#pragma warning disable CA1031 // Thrown again by FinishAsync.
        catch (Exception e)
#pragma warning restore CA1031
        {
            batch.Fail(e);
        }

        try
        {
            await batch.FinishAsync();
        }
        finally
        {
            idleBatches.Push(batch);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask WriteReservedAsync(long offset, IoMemory source, bool fills)
    {
        if (source.Length == 0)
            return;
        var held = await LockClustersAsync(offset, source.Length);
        try
        {
            while (source.Length > 0)
            {
                var (length, isFree) = fills ? await FindGapAsync(offset, source.Length) : (source.Length, true);
                var part = (int)length;
                if (isFree)
                {
                    var reservation = await Format.ReserveAsync(offset, length);
                    part = (int)reservation.Length;
                    await FillAsync(reservation, source.Slice(0, part));
                }

                offset += part;
                source = source.Slice(part);
            }
        }
        finally
        {
            writeLock.Release(held);
        }
    }

    // Why: who writes what is seen there anyway has read it a while ago. What the layer holds of its own by now may be newer, and stays.
    private bool Fills(WriteFlags flags) => (flags & WriteFlags.Unchanged) != 0 && Format.SupportsBacking;

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<(long Length, bool IsFree)> FindGapAsync(long offset, long length)
    {
        var mapping = await Format.MapAsync(offset, length);
        return (Math.Min(length, mapping.Length), mapping.Kind == MappingKind.Unallocated);
    }

    private ValueTask ReadPieceAsync(Mapping mapping, long offset, IoMemory destination)
    {
        switch (mapping.Kind)
        {
            case MappingKind.Data:
                return mapping.File!.ReadAsync(mapping.HostOffset, destination);
            case MappingKind.Compressed:
                File.Announce(FileSteps.ReadCompressed);
                return Format.ReadCompressedAsync(mapping, offset, destination);
            case MappingKind.Unallocated when Backing != null && offset < Backing.Length:
                File.Announce(FileSteps.ReadBackingAio);
                return Backing.ReadAsync(offset, destination);
            default:
                destination.Span.Clear();
                return ValueTask.CompletedTask;
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask FillAsync(WriteReservation reservation, IoMemory source)
    {
        try
        {
            await ClusterEdges.CopyAsync(this, reservation);
            await reservation.File.WriteAsync(reservation.HostOffset, source);
        }
        catch
        {
            reservation.Abandon();
            throw;
        }

        await reservation.PublishAsync();
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask FillWithZeroesAsync(WriteReservation reservation, bool mayUnmap)
    {
        try
        {
            await ClusterEdges.CopyAsync(this, reservation);
            await reservation.File.WriteZeroesAsync(reservation.HostOffset, reservation.Length, mayUnmap);
        }
        catch
        {
            reservation.Abandon();
            throw;
        }

        await reservation.PublishAsync();
    }

    // The last cluster's bytes behind the guest's end must read as zeroes once the guest sees them: they may hold what was there before the
    // image was shrunk, or the backing image may show through.
    private async ValueTask ZeroTailAsync(long length, bool preallocates)
    {
        var offset = length;
        var end = (length + Math.Max(1, ClusterLength) - 1) & -(long)Math.Max(1, ClusterLength);
        while (offset < end)
        {
            var mapping = await Format.MapAsync(offset, end - offset);
            var showsBacking = mapping.Kind == MappingKind.Unallocated && backing != null && backing.Length > length;
            if (preallocates || showsBacking || mapping.Kind is MappingKind.Data or MappingKind.Compressed)
                break;
            offset += mapping.Length;
        }

        while (offset < end)
        {
            var reservation = await Format.ReserveAsync(offset, end - offset);
            offset += reservation.Length;
            await FillWithZeroesAsync(reservation, mayUnmap: false);
        }
    }

    private ValueTask<RangeLock.Entry> LockClustersAsync(long offset, long length)
    {
        long cluster = Math.Max(1, Format.ClusterLength);
        return writeLock.AcquireAsync(offset & -cluster, (offset + length + cluster - 1) & -cluster);
    }

    private long DistanceToCluster(long offset, long length)
    {
        long cluster = Format.ClusterLength;
        return cluster == 0 ? length : Math.Min(length, cluster - (offset & (cluster - 1)));
    }
}
