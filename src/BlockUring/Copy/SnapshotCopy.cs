using System.Runtime.CompilerServices;
using BlockUring.Bitmaps;
using BlockUring.Images;
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
    private readonly GuestDisk source;
    private readonly GuestDisk target;
    private readonly SnapshotCopySettings settings;
    private readonly RangeCopier copier;
    private readonly RangeLock inFlight = new();

    /// <summary>Prepares a copy in which nothing is pending yet.</summary>
    /// <param name="scheduler">The thread of both disks.</param>
    /// <param name="source">Read below the filter that calls <see cref="SaveAsync"/>.</param>
    /// <param name="target">As long as the source.</param>
    /// <param name="settings">How.</param>
    public SnapshotCopy(Scheduler scheduler, GuestDisk source, GuestDisk target, SnapshotCopySettings settings)
    {
        this.source = source;
        this.target = target;
        this.settings = settings;
        Pending = new DirtyBitmap(null, source.Length, settings.ClusterLength);
        copier = new RangeCopier(scheduler, source, target, settings);
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
    public void Dispose() => copier.Dispose();

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
        try
        {
            var done = await copier.CopyAsync(offset, length);
            if (settings.DiscardsSource)
                await DiscardSourceAsync(offset, length);
            DoneBytes += done;
            Pending.Reset(offset, length);
        }
        finally
        {
            Advanced?.Invoke();
        }
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
}
