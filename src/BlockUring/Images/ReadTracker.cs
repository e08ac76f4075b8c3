using System.Runtime.CompilerServices;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>
/// Knows the reads of an image that are in flight. For an overlay whose backing disk is about to be overwritten: what the overlay gets just before
/// that, a read that began before may still be taking from below.
/// </summary>
/// <remarks>One thread only.</remarks>
internal sealed class ReadTracker
{
    private readonly List<Read> reads = [];

    /// <summary>How many want it.</summary>
    public int UserCount { get; set; }

    /// <summary>Whether a read of any of the range is in flight.</summary>
    public bool Overlaps(long start, long end) => reads.Exists(r => r.Start < end && start < r.End);

    /// <summary>Waits for the reads of any of the range that are in flight now.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask WaitAsync(long start, long end)
    {
        foreach (var read in reads.FindAll(r => r.Start < end && start < r.End))
            await read.Ended;
    }

    /// <summary>Notes a read that has just begun until it has ended.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask TrackAsync(long start, long end, ValueTask begun)
    {
        var read = new Read(start, end);
        reads.Add(read);
        try
        {
            await begun;
        }
        finally
        {
            reads.Remove(read);
            read.Ended.Succeed();
        }
    }

    private sealed class Read(long start, long end)
    {
        public long Start => start;

        public long End => end;

        public Arrival Ended { get; } = new();
    }
}
