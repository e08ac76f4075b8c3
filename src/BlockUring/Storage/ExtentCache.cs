using System.Runtime.CompilerServices;
using BlockUring.Native.Uring;

namespace BlockUring.Storage;

/// <summary>
/// Data and holes of a file by SEEK_DATA and SEEK_HOLE, on a worker thread. A walk from start to end reads ahead, more the longer it goes
/// on, and costs one call for each run; 256 runs are kept at most. Allocates nothing in steady state.
/// </summary>
internal sealed class ExtentCache
{
    private const int MaxRunCount = 256;

    private readonly IoThread thread;
    private readonly int descriptor;
    private readonly RangeLock turn = new();
    private readonly Stack<ExtentScan> idle = new();
    private ExtentScan known;
    private int current;
    private int nextCount = 2;
    private int generation;
    private bool isUnsupported;

    public ExtentCache(IoThread thread, int descriptor)
    {
        this.thread = thread;
        this.descriptor = descriptor;
        known = new ExtentScan(descriptor);
    }

    /// <summary>Calls of lseek so far.</summary>
    public long SeekCount { get; private set; }

    /// <summary>Forgets what is known: after holes were made or the length changed.</summary>
    public void Invalidate()
    {
        generation++;
        known.Clear();
        current = 0;
    }

    /// <summary>The run at <paramref name="offset"/>, from what is known where possible.</summary>
    /// <param name="offset">Less than <paramref name="limit"/>.</param>
    /// <param name="limit">Where to stop, at the end of the file at the latest.</param>
    public ValueTask<FileExtent> GetAsync(long offset, long limit)
    {
        if (isUnsupported)
            return new(new FileExtent(limit - offset, false));
        return Find(offset) ? new(known.Runs[current].From(offset, limit)) : ScanAsync(offset, limit);
    }

    /// <summary>The run at <paramref name="offset"/>, asked anew and not kept.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<FileExtent> GetUncachedAsync(long offset, long limit)
    {
        if (isUnsupported)
            return new FileExtent(limit - offset, false);
        var scan = await RunAsync(offset, limit, 1);
        var found = scan.Runs[0].From(offset, limit);
        idle.Push(scan);
        return found;
    }

    private bool Find(long offset)
    {
        // Why: walks go forward, so the run is the current one, or one soon after it.
        var runs = known.Runs;
        if (current < runs.Length && offset < runs[current].Start)
            current = 0;
        while (current < runs.Length && offset >= runs[current].Stop)
            current++;
        return current < runs.Length && offset >= runs[current].Start;
    }

    // Why one at a time: those who walk together ask for runs that one scan finds.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<FileExtent> ScanAsync(long offset, long limit)
    {
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            if (isUnsupported)
                return new FileExtent(limit - offset, false);
            if (Find(offset))
                return known.Runs[current].From(offset, limit);
            var isNext = known.Runs.Length > 0 && offset == known.Runs[^1].Stop;
            nextCount = isNext ? Math.Min(MaxRunCount, 4 * nextCount) : 2;
            var asked = generation;
            var scan = await RunAsync(offset, long.MaxValue, nextCount);
            var found = scan.Runs[0].From(offset, limit);
            if (asked == generation)
            {
                (known, scan) = (scan, known);
                current = 0;
            }

            idle.Push(scan);
            return found;
        }
        finally
        {
            turn.Release(held);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<ExtentScan> RunAsync(long offset, long limit, int count)
    {
        if (!idle.TryPop(out var scan))
            scan = new ExtentScan(descriptor);
        scan.Prepare(offset, limit, count);
        await thread.OffloadAsync(scan);
        SeekCount += scan.SeekCount;
        isUnsupported |= scan.IsUnsupported;
        return scan;
    }
}
