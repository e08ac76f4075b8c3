using System.Threading.Tasks.Sources;

namespace BlockUring.Native.Uring;

/// <summary>Delays of one thread, soonest first; reused, so that waiting allocates nothing in steady state.</summary>
internal sealed class TimerQueue
{
    private readonly PriorityQueue<Entry, long> entries = new();
    private readonly Stack<Entry> idle = new();
    private readonly TimeProvider time;

    public TimerQueue(TimeProvider time) => this.time = time;

    /// <summary>Nanoseconds until the first delay ends: 0 when one has, -1 when there is none.</summary>
    public long NanosecondsToNext
    {
        get
        {
            if (!entries.TryPeek(out _, out var due))
                return -1;
            var ticks = due - time.GetTimestamp();
            return ticks <= 0 ? 0 : (long)(ticks * (1e9 / time.TimestampFrequency)) + 1;
        }
    }

    public ValueTask DelayAsync(TimeSpan delay)
    {
        if (!idle.TryPop(out var entry))
            entry = new Entry(this);
        entries.Enqueue(entry, time.GetTimestamp() + (long)(delay.TotalSeconds * time.TimestampFrequency));
        return entry.Task;
    }

    /// <summary>Ends the delays that are due.</summary>
    public void RunDue()
    {
        while (entries.TryPeek(out var entry, out var due) && due <= time.GetTimestamp())
        {
            entries.Dequeue();
            entry.End();
        }
    }

    private sealed class Entry : IValueTaskSource
    {
        private readonly TimerQueue owner;
        private ManualResetValueTaskSourceCore<int> source;

        public Entry(TimerQueue owner) => this.owner = owner;

        public ValueTask Task => new(this, source.Version);

        public void End() => source.SetResult(0);

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
