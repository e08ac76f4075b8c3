using System.Threading.Tasks.Sources;

namespace BlockUring.Storage;

/// <summary>
/// Lets requests on disjoint byte ranges go on together and overlapping ones one after the other, in the order of asking.
/// </summary>
/// <remarks>One thread only. Allocates nothing in steady state. The lists are as long as there are requests in flight, so they are scanned.</remarks>
public sealed class RangeLock
{
    private readonly List<Entry> entries = [];
    private readonly Stack<Entry> idle = new();

    /// <summary>Whether any range is held.</summary>
    public bool IsHeld => entries.Count > 0;

    /// <summary>Waits until no earlier holder or waiter overlaps the range, then holds it.</summary>
    /// <param name="start">First byte.</param>
    /// <param name="end">One past the last byte.</param>
    /// <returns>The hold, to be given to <see cref="Release"/> exactly once.</returns>
    public ValueTask<Entry> AcquireAsync(long start, long end)
    {
        if (!idle.TryPop(out var entry))
            entry = new Entry();
        entry.Take(start, end, CountOverlaps(start, end, entries.Count));
        entries.Add(entry);
        return entry.BlockerCount == 0 ? new(entry) : entry.WaitAsync();
    }

    /// <summary>Whether anybody holds, or waits for, any of the range.</summary>
    public bool Overlaps(long start, long end)
    {
        foreach (var entry in entries)
        {
            if (entry.Overlaps(start, end))
                return true;
        }

        return false;
    }

    /// <summary>Ends a hold; waiters that nothing else blocks go on.</summary>
    public void Release(Entry held)
    {
        var index = entries.IndexOf(held);
        if (index < 0)
            throw new InvalidOperationException("A range was released that is not held.");
        entries.RemoveAt(index);
        Entry? first = null;
        Entry? last = null;
        for (; index < entries.Count; index++)
        {
            var waiter = entries[index];
            if (!waiter.Overlaps(held.Start, held.End) || !waiter.Unblock())
                continue;
            if (last == null)
                first = waiter;
            else
                last.NextWoken = waiter;
            last = waiter;
        }

        idle.Push(held);
        Wake(first);
    }

    // Why: whoever goes on may release its hold at once, and the entry may then serve another; so the next one is read before.
    private static void Wake(Entry? woken)
    {
        while (woken != null)
        {
            var next = woken.NextWoken;
            woken.NextWoken = null;
            woken.Wake();
            woken = next;
        }
    }

    private int CountOverlaps(long start, long end, int count)
    {
        var overlaps = 0;
        for (var i = 0; i < count; i++)
        {
            if (entries[i].Overlaps(start, end))
                overlaps++;
        }

        return overlaps;
    }

    /// <summary>A held or awaited range.</summary>
    public sealed class Entry : IValueTaskSource<Entry>
    {
        private ManualResetValueTaskSourceCore<Entry> source;

        internal Entry()
        {
        }

        internal long Start { get; private set; }

        internal long End { get; private set; }

        internal int BlockerCount { get; private set; }

        internal Entry? NextWoken { get; set; }

        Entry IValueTaskSource<Entry>.GetResult(short token)
        {
            var result = source.GetResult(token);
            source.Reset();
            return result;
        }

        ValueTaskSourceStatus IValueTaskSource<Entry>.GetStatus(short token) => source.GetStatus(token);

        void IValueTaskSource<Entry>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            source.OnCompleted(continuation, state, token, flags);

        internal void Take(long start, long end, int blockerCount)
        {
            Start = start;
            End = end;
            BlockerCount = blockerCount;
        }

        internal bool Overlaps(long start, long end) => Start < end && start < End;

        internal bool Unblock() => --BlockerCount == 0;

        internal ValueTask<Entry> WaitAsync() => new(this, source.Version);

        internal void Wake() => source.SetResult(this);
    }
}
