using BlockUring.Native.Interop;
using BlockUring.Native.Uring;

namespace BlockUring.Storage;

/// <summary>One walk over the data and holes of a file. May be used again and again, by one at a time.</summary>
internal sealed class ExtentScan(int descriptor) : WorkItem
{
    // One more than is asked for: the hole at the end.
    private Run[] found = new Run[2];
    private int foundCount;
    private long offset;
    private long limit;
    private int maxCount;

    /// <summary>What was found: one run or more after a walk, each behind the one before.</summary>
    public ReadOnlySpan<Run> Runs => found.AsSpan(0, foundCount);

    /// <summary>Calls of lseek that the last walk made.</summary>
    public int SeekCount { get; private set; }

    /// <summary>Whether the file system does not tell.</summary>
    public bool IsUnsupported { get; private set; }

    /// <summary>Forgets what was found.</summary>
    public void Clear() => foundCount = 0;

    /// <summary>Says what the next walk is to find: so many runs, up to a limit.</summary>
    public void Prepare(long start, long stop, int count)
    {
        (offset, limit, maxCount) = (start, stop, count);
        if (found.Length <= count)
            found = new Run[count + 1];
    }

    /// <inheritdoc/>
    protected override void Execute()
    {
        foundCount = 0;
        IsUnsupported = false;
        var data = FileSystemCalls.SeekData(descriptor, offset);
        SeekCount = 1;
        if (data > offset)
            Add(offset, data, true);
        var position = Walk(data);

        // ENXIO: nothing but a hole up to the end. Anything else: nothing was learned about what follows.
        var last = foundCount > 0 ? found[foundCount - 1].Stop : offset;
        IsUnsupported = position < 0 && position != -Errno.ENXIO;
        if (position == -Errno.ENXIO && (foundCount == 0 || !found[foundCount - 1].IsHole))
            Add(last, long.MaxValue, true);
        else if (foundCount == 0)
            Add(offset, long.MaxValue, false);
    }

    // One seek finds the end of a run, which is the start of the next, of the other kind.
    private long Walk(long position)
    {
        while (position >= 0 && position < limit && foundCount < maxCount)
        {
            var isHole = foundCount > 0 && !found[foundCount - 1].IsHole;
            var stop = isHole ? FileSystemCalls.SeekData(descriptor, position) : FileSystemCalls.SeekHole(descriptor, position);
            SeekCount++;
            if (stop <= position)
                return stop < 0 ? stop : -Errno.EIO;
            Add(position, stop, isHole);
            position = stop;
        }

        return position;
    }

    private void Add(long start, long stop, bool isHole) => found[foundCount++] = new Run(start, stop, isHole);

    /// <summary>Data, or a hole.</summary>
    /// <param name="Start">Its first byte.</param>
    /// <param name="Stop">Where the next one begins.</param>
    /// <param name="IsHole">Which of the two.</param>
    internal readonly record struct Run(long Start, long Stop, bool IsHole)
    {
        /// <summary>The part of it from an offset on.</summary>
        public FileExtent From(long offset, long limit) => new(Math.Min(Stop, limit) - offset, IsHole);
    }
}
