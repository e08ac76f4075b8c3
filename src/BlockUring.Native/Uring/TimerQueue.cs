using System.Threading.Tasks.Sources;

namespace BlockUring.Native.Uring;

/// <summary>Delays of one thread, soonest first; reused, so that waiting allocates nothing in steady state.</summary>
internal sealed class TimerQueue
{
    // About 146 years in nanoseconds: far enough, and the sum with the present does not overflow.
    private const long MaxTicks = long.MaxValue / 2;

    private readonly PriorityQueue<Entry, (long Due, long Sequence)> entries = new();
    private readonly Stack<Entry> idle = new();
    private readonly TimeProvider time;
    private long startedCount;

    public TimerQueue(TimeProvider time) => this.time = time;

    /// <summary>Nanoseconds until the first delay ends: 0 when one has, -1 when there is none.</summary>
    public long NanosecondsToNext
    {
        get
        {
            if (!entries.TryPeek(out _, out var next))
                return -1;
            var ticks = next.Due - time.GetTimestamp();
            return ticks <= 0 ? 0 : (long)Math.Min(ticks * (1e9 / time.TimestampFrequency), MaxTicks) + 1;
        }
    }

    public ValueTask DelayAsync(TimeSpan delay)
    {
        if (!idle.TryPop(out var entry))
            entry = new Entry(this);
        var ticks = (long)Math.Clamp(delay.TotalSeconds * time.TimestampFrequency, 0, MaxTicks);
        entries.Enqueue(entry, (time.GetTimestamp() + ticks, startedCount++));
        return entry.Task;
    }

    /// <summary>Moves the delays that are due to <paramref name="ready"/>, in order. Those started by what they wake up wait for their turn.</summary>
    public void TakeDue(Queue<IRunnable> ready)
    {
        while (entries.TryPeek(out var entry, out var next) && next.Due <= time.GetTimestamp())
        {
            entries.Dequeue();
            ready.Enqueue(entry);
        }
    }

    private sealed class Entry : IValueTaskSource, IRunnable
    {
        private readonly TimerQueue owner;
        private ManualResetValueTaskSourceCore<int> source;

        public Entry(TimerQueue owner) => this.owner = owner;

        public ValueTask Task => new(this, source.Version);

        public void Run() => source.SetResult(0);

        void IValueTaskSource.GetResult(short token)
        {
            source.GetResult(token);
            source.Reset();
            owner.idle.Push(this);
        }

        ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => source.GetStatus(token);

        void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            source.OnCompleted(continuation, state, token, flags);
    }
}
