using System.Runtime.CompilerServices;
using BlockUring.Bitmaps;
using BlockUring.Images;
using BlockUring.Native.Codecs;
using BlockUring.Native.Interop;
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
/// One thread only. A cluster is pending until it is copied, also while it is being copied. Who copies clusters, reads them or waits for them
/// holds their range: so a snapshot never shows a byte of a later write, and nobody takes for copied what is only about to be.
/// </remarks>
public sealed class SnapshotCopy : IDisposable
{
    /// <summary>The most bytes of data in flight, save that one chunk may always be.</summary>
    public const long MaxBufferedBytes = 128 << 20;

    private readonly Scheduler scheduler;
    private readonly GuestDisk source;
    private readonly GuestDisk target;
    private readonly SnapshotCopySettings settings;
    private readonly CodecPool? codecs;
    private readonly RangeLock inFlight = new();
    private readonly Stack<ChunkWriter> idleWriters = new();
    private long bufferedBytes;
    private Arrival? bufferReturned;

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

    /// <summary>What still has to be copied, or is being copied now.</summary>
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
    public long RemainingBytes
    {
        get
        {
            // The last cluster may go beyond the disk.
            var excess = -source.Length & (ClusterLength - 1);
            return excess > 0 && Pending.Get(source.Length - 1) ? Pending.Count - excess : Pending.Count;
        }
    }

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
                await CopyAsync(at, run);
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

    /// <summary>Copies the next pending piece from <paramref name="cursor"/> on, which is moved behind it at once; none is no error.</summary>
    /// <exception cref="CopyFailureException">It could not be copied, and is pending still.</exception>
    public ValueTask CopyNextAsync(CopyCursor cursor)
    {
        if (!TryFind(cursor.Offset, out var offset, out var length))
            return ValueTask.CompletedTask;
        cursor.Offset = offset + length;
        return SaveAsync(offset, length);
    }

    /// <summary>Reads what the disk held at the instant.</summary>
    /// <exception cref="BlockException">The range is not part of the snapshot (any more), or cannot be read.</exception>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask ReadAsync(long offset, IoMemory destination)
    {
        var (first, last) = (offset & -(long)ClusterLength, (offset + destination.Length + ClusterLength - 1) & -(long)ClusterLength);
        var held = await inFlight.AcquireAsync(first, last);
        try
        {
            DemandAccessible(offset, offset + destination.Length);
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
        var held = await inFlight.AcquireAsync(offset & -(long)ClusterLength, (end + ClusterLength - 1) & -(long)ClusterLength);
        try
        {
            DemandAccessible(offset, offset + 1);
            if (Accessible?.NextClean(offset, end) is { } inaccessible and >= 0)
                end = inaccessible;
            var isPending = Pending.Get(offset);
            var change = isPending ? Pending.NextClean(offset, end) : Pending.NextDirty(offset, end);
            var part = (change < 0 ? end : change) - offset;
            return await (isPending ? source : target).GetStatusAsync(offset, part) with { IsAllocated = true, Depth = 0 };
        }
        finally
        {
            inFlight.Release(held);
        }
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
        if (Accessible == null)
        {
            Accessible = new DirtyBitmap(null, source.Length, ClusterLength);
            Accessible.SetAll();
        }

        Accessible.Reset(start, end - start);
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

    private void DemandAccessible(long offset, long end)
    {
        if (Accessible != null && Accessible.NextClean(offset, end) >= 0)
            throw new BlockException(BlockErrorKind.Access, $"The range at {offset} is not part of the snapshot", Errno.EACCES);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask CopyAsync(long offset, long length)
    {
        if (!idleWriters.TryPop(out var writer))
            writer = MakeWriter();
        try
        {
            var done = await MoveAsync(writer, offset, length);
            DoneBytes += done;
            Pending.Reset(offset, length);
        }
        finally
        {
            idleWriters.Push(writer);
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
            await DiscardSourceAsync(offset, length);
        return done;
    }

    // It only gives space back: the copy is as good without.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask DiscardSourceAsync(long offset, long length)
    {
        try
        {
            await source.DiscardAsync(offset, length);
        }
        catch (BlockException)
        {
        }
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
        var padded = (length + ClusterLength - 1) & -ClusterLength;
        while (bufferedBytes > 0 && bufferedBytes + padded > MaxBufferedBytes)
            await (bufferReturned ??= new Arrival());
        bufferedBytes += padded;
        try
        {
            using var buffer = scheduler.Buffers.Rent(padded);
            await MoveThroughAsync(writer, offset, buffer.Memory.Slice(0, length));
        }
        catch (InsufficientMemoryException e)
        {
            throw new CopyFailureException(false, new BlockException(BlockErrorKind.Limit, e.Message, Errno.ENOMEM, e));
        }
        finally
        {
            bufferedBytes -= padded;
            var waiters = bufferReturned;
            bufferReturned = null;
            waiters?.Succeed();
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask MoveThroughAsync(ChunkWriter writer, long offset, IoMemory memory)
    {
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
                if (!status.IsZero || (!status.IsAllocated && (target.MayShowBacking || settings.StoresZeroes)))
                    await target.WriteZeroesAsync(offset, status.Length, settings.StoresZeroes ? WriteFlags.None : WriteFlags.MayUnmap);
                offset += status.Length;
                length -= status.Length;
            }
        }
        catch (BlockException e)
        {
            throw new CopyFailureException(false, e);
        }
    }

    private int ZeroGranularity => target.RewritesClusters
        ? target.ClusterLength
        : Math.Min(settings.MaxChunk, Math.Max(4096, Math.Min(ClusterLength, 64 << 10)));

    private ChunkWriter MakeWriter() => new(target, ZeroGranularity)
    {
        ZeroFlags = settings.StoresZeroes ? WriteFlags.None : WriteFlags.MayUnmap,
        Compressor = codecs == null ? null : new ClusterCompressor(scheduler, target, codecs),
    };
}
