using System.Runtime.CompilerServices;
using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Jobs.Commit;

/// <summary>
/// Keeps overlays as they are while the disk below them is overwritten: where an overlay holds nothing of its own, it gets what the disk holds, and
/// that is made durable, before the disk changes. As long as every write to the disk waits for <see cref="ProtectAsync"/>, no overlay, and nothing
/// above one, ever reads otherwise than before, whatever happens when: an error, a cancel, a power cut.
/// </summary>
/// <remarks>
/// Only the overlays right above the disk matter: what lies above them sees it through them. Others may write the overlays meanwhile: what an
/// overlay has got since it was looked at stays. One thread only; many ranges at a time.
/// </remarks>
public sealed class OverlayGuard
{
    /// <summary>The longest read, in bytes.</summary>
    public const int MaxChunk = 1 << 20;

    // Why: as long as zeroes are entered, nobody else writes to that part of the overlay.
    private const long MaxZeroRun = 16 << 20;

    private readonly Scheduler scheduler;
    private readonly GuestDisk disk;
    private readonly GuardedOverlay[] overlays;
    private readonly long length;
    private readonly DirtyBitmap held;
    private readonly DirtyBitmap durable;
    private readonly RangeLock inFlight = new();
    private readonly Stack<List<GuardedOverlay>> idleLists = new();
    private Arrival? nextFlush;
    private bool isFlushing;

    /// <summary>Starts keeping overlays; no request of them is in flight.</summary>
    /// <param name="scheduler">The thread of all.</param>
    /// <param name="disk">What will be overwritten.</param>
    /// <param name="overlays">Those that are to stay as they are.</param>
    /// <param name="length">How long the disk may become, in bytes.</param>
    /// <param name="granularity">The unit of the books, a power of two of 512 or more: the unit of what is written.</param>
    internal OverlayGuard(Scheduler scheduler, GuestDisk disk, IEnumerable<FormatNode> overlays, long length, long granularity)
    {
        this.scheduler = scheduler;
        this.disk = disk;
        this.overlays = [.. overlays.Select(o => new GuardedOverlay(o))];
        this.length = length;
        held = new DirtyBitmap(null, length, granularity);
        durable = new DirtyBitmap(null, length, granularity);
    }

    /// <summary>Whether no overlay is there to be kept.</summary>
    public bool IsIdle => overlays.Length == 0;

    /// <summary>Bytes that overlays were given so far.</summary>
    public long CopiedBytes { get; private set; }

    /// <summary>Whether a range may be overwritten at once.</summary>
    public bool IsProtected(long offset, long length) => IsIdle || length == 0 || durable.NextClean(offset, offset + length) < 0;

    /// <summary>
    /// Makes a range of the disk safe to overwrite: to be awaited right before. Several that wait share one flush of the overlays. Costs nothing where
    /// that was done before.
    /// </summary>
    /// <param name="offset">Bytes.</param>
    /// <param name="length">Bytes; all that the writer will change, with what its rounding adds.</param>
    /// <exception cref="BlockException">An overlay, and which one, could not be given what it needs; the range must not be overwritten.</exception>
    public ValueTask ProtectAsync(long offset, long length) =>
        IsProtected(offset, length) ? ValueTask.CompletedTask : ProtectNowAsync(offset, length);

    /// <summary>
    /// Gives the overlays what they need of a range, without making it durable: for many ranges at once, before <see cref="SettleAsync"/>.
    /// </summary>
    /// <exception cref="BlockException">As for <see cref="ProtectAsync"/>.</exception>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask CopyAsync(long offset, long length)
    {
        if (IsIdle || length == 0)
            return;
        var (start, end) = Whole(offset, length);
        var turn = await inFlight.AcquireAsync(start, end);
        try
        {
            while (held.NextClean(start, end) is var clean && clean >= 0)
            {
                var stop = held.NextDirty(clean, end) is var dirty && dirty >= 0 ? dirty : end;
                await FillAsync(clean, stop);
                held.Set(clean, stop - clean);
                start = stop;
            }
        }
        finally
        {
            inFlight.Release(turn);
        }
    }

    /// <summary>Makes durable all that was copied before, with one flush of each overlay.</summary>
    /// <exception cref="BlockException">An overlay could not be flushed; nothing more is safe to overwrite than before.</exception>
    public async ValueTask SettleAsync()
    {
        if (IsIdle || held.Count == durable.Count)
            return;
        var settled = held.Clone(null);
        await FlushAsync();
        durable.Merge(settled);
    }

    /// <summary>Ends it; nothing of it is in flight, and nobody writes the disk any more.</summary>
    internal void End()
    {
        foreach (var overlay in overlays)
            overlay.Dispose();
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ProtectNowAsync(long offset, long length)
    {
        await CopyAsync(offset, length);
        await FlushAsync();
        var (start, end) = Whole(offset, length);
        durable.Set(start, end - start);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask FillAsync(long start, long end)
    {
        if (!idleLists.TryPop(out var lacking))
            lacking = [];
        try
        {
            for (var offset = start; offset < end;)
                offset += await FillRunAsync(offset, end - offset, lacking);
        }
        catch (InsufficientMemoryException e)
        {
            throw new BlockException(BlockErrorKind.Limit, e.Message, Errno.ENOMEM, e);
        }
        finally
        {
            idleLists.Push(lacking);
        }

        // Why also where nothing was missing: a read that began before an overlay got its own may be reading below still.
        foreach (var overlay in overlays)
            await overlay.WaitForReadsAsync(start, end);
    }

    // Overlays and the disk are walked side by side, in runs that are alike in all of them.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<long> FillRunAsync(long offset, long run, List<GuardedOverlay> lacking)
    {
        lacking.Clear();
        foreach (var overlay in overlays)
        {
            (run, var lacks) = await overlay.LookAsync(offset, run);
            if (lacks)
                lacking.Add(overlay);
        }

        if (lacking.Count == 0)
            return run;
        if (offset >= disk.Length)
            return await GiveZeroesAsync(offset, run, lacking);
        var status = await disk.GetStatusAsync(offset, Math.Min(run, disk.Length - offset));
        return status.IsZero
            ? await GiveZeroesAsync(offset, status.Length, lacking)
            : await GiveDataAsync(offset, (int)Math.Min(status.Length, MaxChunk), lacking);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<long> GiveZeroesAsync(long offset, long run, List<GuardedOverlay> lacking)
    {
        run = Math.Min(run, MaxZeroRun);
        foreach (var overlay in lacking)
            await overlay.ZeroAsync(offset, run);
        CopiedBytes += run * lacking.Count;
        return run;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<long> GiveDataAsync(long offset, int run, List<GuardedOverlay> lacking)
    {
        using var buffer = scheduler.Buffers.Rent(run);
        await disk.ReadAsync(offset, buffer.Memory);
        foreach (var overlay in lacking)
            await overlay.WriteAsync(offset, buffer.Memory);
        CopiedBytes += (long)run * lacking.Count;
        return run;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask FlushAsync()
    {
        var wanted = nextFlush ??= new Arrival();
        if (!isFlushing)
            scheduler.Detach(RunFlushesAsync());
        await wanted;
    }

    // Who asks while a flush runs, waits for the next one: the one that runs need not include what was copied last.
    private async ValueTask RunFlushesAsync()
    {
        isFlushing = true;
        while (nextFlush is { } flush)
        {
            nextFlush = null;
            BlockException? failure = null;
            try
            {
                foreach (var overlay in overlays)
                    await overlay.FlushAsync();
            }
            catch (BlockException e)
            {
                failure = e;
            }

            if (failure == null)
                flush.Succeed();
            else
                flush.Fail(failure);
        }

        isFlushing = false;
    }

    private (long Start, long End) Whole(long offset, long length)
    {
        var unit = held.Granularity;
        return (offset & -unit, Math.Min(this.length, (offset + length + unit - 1) & -unit));
    }
}
