using BlockUring.Native.Interop;
using BlockUring.Native.Uring;

namespace BlockUring.Storage;

/// <summary>
/// Data and holes of a file by SEEK_DATA and SEEK_HOLE, on a worker thread. A walk from start to end reads ahead, more the longer it goes
/// on, and costs one call for each run; 256 runs are kept at most.
/// </summary>
internal sealed class ExtentCache
{
    private const int MaxRunCount = 256;

    private readonly IoThread thread;
    private readonly int descriptor;
    private Run[] runs = [];
    private int current;
    private int nextCount = 2;
    private int generation;
    private bool isUnsupported;

    public ExtentCache(IoThread thread, int descriptor)
    {
        this.thread = thread;
        this.descriptor = descriptor;
    }

    /// <summary>Calls of lseek so far.</summary>
    public long SeekCount { get; private set; }

    /// <summary>Forgets what is known: after holes were made or the length changed.</summary>
    public void Invalidate()
    {
        generation++;
        runs = [];
        current = 0;
    }

    /// <summary>The run at <paramref name="offset"/>, from what is known where possible.</summary>
    /// <param name="offset">Less than <paramref name="limit"/>.</param>
    /// <param name="limit">Where to stop, at the end of the file at the latest.</param>
    public ValueTask<FileExtent> GetAsync(long offset, long limit)
    {
        if (isUnsupported)
            return new(new FileExtent(limit - offset, false));
        return Find(offset) ? new(runs[current].From(offset, limit)) : ScanAsync(offset, limit);
    }

    /// <summary>The run at <paramref name="offset"/>, asked anew and not kept.</summary>
    public async ValueTask<FileExtent> GetUncachedAsync(long offset, long limit)
    {
        if (isUnsupported)
            return new FileExtent(limit - offset, false);
        var scan = await thread.OffloadAsync(() => Scan.Make(descriptor, offset, limit, 1));
        SeekCount += scan.SeekCount;
        isUnsupported |= scan.IsUnsupported;
        return scan.Runs[0].From(offset, limit);
    }

    private bool Find(long offset)
    {
        // Why: walks go forward, so the run is the current one, or one soon after it.
        if (current < runs.Length && offset < runs[current].Start)
            current = 0;
        while (current < runs.Length && offset >= runs[current].Stop)
            current++;
        return current < runs.Length && offset >= runs[current].Start;
    }

    private async ValueTask<FileExtent> ScanAsync(long offset, long limit)
    {
        var isNext = runs.Length > 0 && offset == runs[^1].Stop;
        nextCount = isNext ? Math.Min(MaxRunCount, 4 * nextCount) : 2;
        var (asked, count) = (generation, nextCount);
        var scan = await thread.OffloadAsync(() => Scan.Make(descriptor, offset, long.MaxValue, count));
        SeekCount += scan.SeekCount;
        isUnsupported |= scan.IsUnsupported;
        if (asked == generation)
        {
            runs = scan.Runs;
            current = 0;
        }

        return scan.Runs[0].From(offset, limit);
    }

    private readonly record struct Run(long Start, long Stop, bool IsHole)
    {
        public FileExtent From(long offset, long limit) => new(Math.Min(Stop, limit) - offset, IsHole);
    }

    private sealed record Scan(Run[] Runs, int SeekCount, bool IsUnsupported)
    {
        // At most maxCount runs from offset on. One seek finds the end of a run, which is the start of the next, of the other kind.
        public static Scan Make(int descriptor, long offset, long limit, int maxCount)
        {
            var runs = new List<Run>(maxCount);
            var data = FileSystemCalls.SeekData(descriptor, offset);
            var seekCount = 1;
            if (data > offset)
                runs.Add(new Run(offset, data, true));
            var position = data;
            while (position >= 0 && position < limit && runs.Count < maxCount)
            {
                var isHole = runs.Count > 0 && !runs[^1].IsHole;
                var stop = isHole ? FileSystemCalls.SeekData(descriptor, position) : FileSystemCalls.SeekHole(descriptor, position);
                seekCount++;
                if (stop <= position)
                {
                    position = stop < 0 ? stop : -Errno.EIO;
                    break;
                }

                runs.Add(new Run(position, stop, isHole));
                position = stop;
            }

            // ENXIO: nothing but a hole up to the end. Anything else: nothing was learned about what follows.
            var last = runs.Count > 0 ? runs[^1].Stop : offset;
            var isUnsupported = position < 0 && position != -Errno.ENXIO;
            if (position == -Errno.ENXIO && (runs.Count == 0 || !runs[^1].IsHole))
                runs.Add(new Run(last, long.MaxValue, true));
            else if (runs.Count == 0)
                runs.Add(new Run(offset, long.MaxValue, false));
            return new Scan([.. runs], seekCount, isUnsupported);
        }
    }
}
