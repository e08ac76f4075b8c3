using System.Runtime.CompilerServices;
using BlockUring.Bitmaps;
using BlockUring.Images;
using BlockUring.Native.Codecs;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Copy;

/// <summary>
/// Copies what a disk held at one instant while it is being written: before a write, what it would overwrite is saved
/// (<see cref="SaveAsync"/>), and the rest is copied in the background (<see cref="CopyNextAsync"/>). Each cluster is copied
/// once, by whoever comes first; the others wait for it.
/// </summary>
/// <remarks>
/// One thread only. A cluster is pending (its bit is set), in flight (its range is held in the lock), or settled. Saved and read under the same
/// lock, so a snapshot never shows a byte of a later write.
/// </remarks>
public sealed class SnapshotCopy : IDisposable
{
    private readonly Scheduler scheduler;
    private readonly GuestDisk source;
    private readonly GuestDisk target;
    private readonly SnapshotCopySettings settings;
    private readonly CodecPool? codecs;
    private readonly RangeLock inFlight = new();
    private readonly Stack<ChunkWriter> idleWriters = new();
    private long waitingBytes;
    private long movingBytes;

    /// <summary>Prepares a copy in which nothing is pending yet.</summary>
    /// <param name="scheduler">The thread of both disks.</param>
    /// <param name="source">Read below the filter that calls <see cref="SaveAsync"/>.</param>
    /// <param name="target">As long as the source.</param>
    /// <param name="settings">How.</param>
    public SnapshotCopy(Scheduler scheduler, GuestDisk source, GuestDisk target, SnapshotCopySettings settings)
    {
        this.scheduler = scheduler;
        this.source = source;
        this.target = target;
        this.settings = settings;
        Pending = new DirtyBitmap(null, source.Length, settings.ClusterLength);
        codecs = settings.Compression is { } type ? new CodecPool(type) : null;
    }

    /// <summary>What still has to be copied, and is not in flight.</summary>
    public DirtyBitmap Pending { get; }

    /// <summary>What may be read of the snapshot; null means all.</summary>
    public DirtyBitmap? Accessible { get; set; }

    /// <summary>Told when some more bytes are done, or will not be needed.</summary>
    public Action? Advanced { get; set; }

    /// <summary>The unit of copying in bytes.</summary>
    public int ClusterLength => settings.ClusterLength;

    /// <summary>Bytes copied so far, or found to be zeroes; not those left out since no layer wanted holds them.</summary>
    public long DoneBytes { get; private set; }

    /// <summary>Bytes that still have to be dealt with, or are being copied now.</summary>
    public long RemainingBytes => PendingBytes + waitingBytes + movingBytes;

    /// <summary>Whether a writer to the range need not wait for anything.</summary>
    public bool IsSettled(long offset, long length) =>
        Pending.NextDirty(offset, offset + length) < 0 && !inFlight.Overlaps(offset, offset + length);

    /// <summary>Copies what is pending in a range that is about to be overwritten, and waits for what is in flight there.</summary>
    /// <exception cref="CopyFailureException">It could not be copied, and is pending still.</exception>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask SaveAsync(long offset, long length)
    {
        var start = offset & -(long)ClusterLength;
        var end = Math.Min(source.Length, (offset + length + ClusterLength - 1) & -(long)ClusterLength);
        var held = await inFlight.AcquireAsync(start, end);
        try
        {
            while (Pending.NextDirtyArea(start, end, settings.MaxChunk, out var at, out var run))
            {
                Pending.Reset(at, run);
                await MoveOrRestoreAsync(at, run);
                start = at + run;
            }
        }
        finally
        {
            inFlight.Release(held);
        }
    }

    /// <summary>Bytes of the piece that would be copied next from <paramref name="cursor"/> on; 0 when nothing is pending there.</summary>
    public long PeekNext(CopyCursor cursor) => TryFind(cursor.Offset, out _, out var length) ? length : 0;

    /// <summary>Copies the next pending piece from <paramref name="cursor"/> on, which is moved behind it at once.</summary>
    /// <returns>False when nothing was pending there.</returns>
    /// <exception cref="CopyFailureException">It could not be copied, and is pending again.</exception>
    public ValueTask<bool> CopyNextAsync(CopyCursor cursor)
    {
        if (!TryFind(cursor.Offset, out var offset, out var length))
            return new(false);
        cursor.Offset = offset + length;

        // Why both at once: what is neither pending nor in flight would be taken for copied by a writer.
        Pending.Reset(offset, length);
        return CopyClaimedAsync(offset, length, inFlight.AcquireAsync(offset, offset + length));
    }

    /// <summary>Reads what the disk held at the instant.</summary>
    /// <exception cref="BlockException">The range is not part of the snapshot (any more), or cannot be read.</exception>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask ReadAsync(long offset, IoMemory destination)
    {
        if (Accessible != null && Accessible.NextClean(offset, Math.Min(source.Length, offset + destination.Length)) >= 0)
            throw new BlockException(BlockErrorKind.Access, $"The range at {offset} is not part of the snapshot", Native.Interop.Errno.EACCES);
        var (first, last) = (offset & -(long)ClusterLength, (offset + destination.Length + ClusterLength - 1) & -(long)ClusterLength);
        var held = await inFlight.AcquireAsync(first, last);
        try
        {
            while (destination.Length > 0)
            {
                var end = offset + destination.Length;
                var isPending = offset < source.Length && Pending.Get(offset);
                var change = isPending ? Pending.NextClean(offset, end) : Pending.NextDirty(offset, end);
                var part = (int)((change < 0 ? end : change) - offset);
                await (isPending ? source : target).ReadAsync(offset, destination.Slice(0, part));
                offset += part;
                destination = destination.Slice(part);
            }
        }
        finally
        {
            inFlight.Release(held);
        }
    }

    /// <summary>What a run of the snapshot is.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<BlockStatus> GetStatusAsync(long offset, long maxLength)
    {
        var end = offset + maxLength;
        var isPending = Pending.Get(offset);
        var change = isPending ? Pending.NextClean(offset, end) : Pending.NextDirty(offset, end);
        var part = (change < 0 ? end : change) - offset;
        return await (isPending ? source : target).GetStatusAsync(offset, part) with { IsAllocated = true, Depth = 0 };
    }

    /// <summary>Whole clusters of a range are no longer wanted: they are not copied, and cannot be read from the snapshot.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask ForgetAsync(long offset, long length)
    {
        var start = (offset + ClusterLength - 1) & -(long)ClusterLength;
        var end = offset + length >= source.Length ? source.Length : (offset + length) & -(long)ClusterLength;
        if (start >= end)
            return;
        var held = await inFlight.AcquireAsync(start, end);
        Pending.Reset(start, end - start);
        Accessible?.Reset(start, end - start);
        inFlight.Release(held);
        Advanced?.Invoke();
    }

    /// <summary>Waits until nothing is in flight.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask WaitUntilSettledAsync() => inFlight.Release(await inFlight.AcquireAsync(0, long.MaxValue));

    /// <summary>Frees codecs and buffers; nothing may be in flight.</summary>
    public void Dispose()
    {
        while (idleWriters.TryPop(out var writer))
            writer.Dispose();
        codecs?.Dispose();
    }

    // Pieces end on multiples of the chunk, so that the target's requests are large and aligned.
    private bool TryFind(long cursor, out long offset, out long length)
    {
        if (!Pending.NextDirtyArea(cursor, source.Length, settings.MaxChunk, out offset, out length))
            return false;
        length = Math.Min(length, settings.MaxChunk - (offset & (settings.MaxChunk - 1)));
        return true;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> CopyClaimedAsync(long offset, long length, ValueTask<RangeLock.Entry> turn)
    {
        waitingBytes += length;
        var held = await turn;
        waitingBytes -= length;
        try
        {
            await MoveOrRestoreAsync(offset, length);
        }
        finally
        {
            inFlight.Release(held);
        }

        return true;
    }

    // The last chunk may go beyond the disk.
    private long PendingBytes
    {
        get
        {
            var excess = -source.Length & (ClusterLength - 1);
            return excess > 0 && Pending.Get(source.Length - 1) ? Pending.Count - excess : Pending.Count;
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask MoveOrRestoreAsync(long offset, long length)
    {
        movingBytes += length;
        if (!idleWriters.TryPop(out var writer))
            writer = MakeWriter();
        var done = -1L;
        try
        {
            done = await MoveAsync(writer, offset, length);
        }
        finally
        {
            idleWriters.Push(writer);
            movingBytes -= length;
            if (done >= 0)
                DoneBytes += done;
            else
                Pending.Set(offset, length);
            Advanced?.Invoke();
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<long> MoveAsync(ChunkWriter writer, long offset, long length)
    {
        var (at, left, done) = (offset, length, length);
        while (left > 0)
        {
            var piece = await ClassifyAsync(at, left);
            if (piece.Action == CopyAction.Data)
                await MoveDataAsync(writer, at, (int)piece.Length);
            else if (piece.Action == CopyAction.Zero)
                await ZeroAsync(at, piece.Length);
            else
                done -= piece.Length;
            at += piece.Length;
            left -= piece.Length;
        }

        if (settings.DiscardsSource)
            await source.DiscardAsync(offset, length);
        return done;
    }

    // What the run is, in whole clusters: one that is only partly zero, or partly unallocated, is data.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<CopyPiece> ClassifyAsync(long offset, long length)
    {
        try
        {
            var status = await StatusAsync(offset, length);
            var action = ActionFor(status);
            if (status.Length >= length)
                return new CopyPiece(action, offset, length);
            var whole = status.Length & -(long)ClusterLength;
            if (action == CopyAction.Data)
                return new CopyPiece(action, offset, Math.Min(length, whole == status.Length ? whole : whole + ClusterLength));
            if (whole > 0)
                return new CopyPiece(action, offset, whole);
            return await ClassifyMixedAsync(offset, Math.Min(length, ClusterLength), status.Length, action);
        }
        catch (BlockException e)
        {
            throw new CopyFailureException(true, e);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<CopyPiece> ClassifyMixedAsync(long offset, long length, long known, CopyAction action)
    {
        while (known < length)
        {
            var status = await StatusAsync(offset + known, length - known);
            if (ActionFor(status) != action)
                return new CopyPiece(CopyAction.Data, offset, length);
            known += status.Length;
        }

        return new CopyPiece(action, offset, length);
    }

    private ValueTask<BlockStatus> StatusAsync(long offset, long length) =>
        settings.TopOnly ? source.Layer.GetLayerStatusAsync(offset, length) : source.GetStatusAsync(offset, length);

    private CopyAction ActionFor(BlockStatus status)
    {
        if (settings.TopOnly && !status.IsAllocated)
            return CopyAction.Skip;
        return status.IsZero ? CopyAction.Zero : CopyAction.Data;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask MoveDataAsync(ChunkWriter writer, long offset, int length)
    {
        // Why whole clusters: the compressor pads the last one in place.
        using var buffer = scheduler.Buffers.Rent((length + ClusterLength - 1) & -ClusterLength);
        var memory = buffer.Memory.Slice(0, length);
        try
        {
            await source.ReadAsync(offset, memory);
        }
        catch (BlockException e)
        {
            throw new CopyFailureException(true, e);
        }

        try
        {
            await writer.WriteAsync(offset, memory);
        }
        catch (BlockException e)
        {
            throw new CopyFailureException(false, e);
        }
    }

    // What reads as zeroes already, without a backing file that might show something else some day, is left alone.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ZeroAsync(long offset, long length)
    {
        try
        {
            while (length > 0)
            {
                var status = await target.Layer.GetLayerStatusAsync(offset, length);
                if (!status.IsZero || target.Backing != null)
                    await target.WriteZeroesAsync(offset, status.Length, WriteFlags.MayUnmap);
                offset += status.Length;
                length -= status.Length;
            }
        }
        catch (BlockException e)
        {
            throw new CopyFailureException(false, e);
        }
    }

    private ChunkWriter MakeWriter() => new(target, Math.Min(settings.MaxChunk, Math.Max(4096, Math.Min(ClusterLength, 64 << 10))))
    {
        Compressor = codecs == null ? null : new ClusterCompressor(scheduler, target, codecs),
    };
}
