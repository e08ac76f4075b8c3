using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Tests.Copy;

namespace BlockUring.Tests.Graph;

/// <summary>A thread for the engine whose clock the test moves; what is posted and what is delayed goes on only then.</summary>
internal sealed class ManualScheduler(BufferPool buffers) : Scheduler
{
    private readonly ManualTime time = new();
    private readonly Queue<Action> posted = new();
    private readonly PriorityQueue<TaskCompletionSource, (long Due, int Order)> delays = new();
    private int delayCount;

    public override TimeProvider Time => time;

    public override BufferPool Buffers { get; } = buffers;

    public override void Post(Action action) => posted.Enqueue(action);

    public override ValueTask DelayAsync(TimeSpan delay)
    {
        var ended = new TaskCompletionSource();
        delays.Enqueue(ended, (Due(delay), delayCount++));
        return new(ended.Task);
    }

    public override ValueTask OffloadAsync(WorkItem item)
    {
        var pending = item.Begin(this);
        Post(item.ExecuteOnWorker);
        return pending;
    }

    /// <summary>Moves the clock, and does everything that is due on the way, in order.</summary>
    public void Advance(TimeSpan span)
    {
        var end = Due(span);
        while (posted.Count > 0 || (delays.TryPeek(out _, out var next) && next.Due <= end))
        {
            if (posted.TryDequeue(out var action))
            {
                action();
                continue;
            }

            delays.TryDequeue(out var ended, out var due);
            GoTo(due.Due);
            ended!.SetResult();
        }

        GoTo(end);
    }

    private long Due(TimeSpan delay) => time.GetTimestamp() + (delay.Ticks * time.TimestampFrequency / TimeSpan.TicksPerSecond);

    private void GoTo(long timestamp)
    {
        if (timestamp > time.GetTimestamp())
            time.Advance(TimeSpan.FromTicks((timestamp - time.GetTimestamp()) * TimeSpan.TicksPerSecond / time.TimestampFrequency));
    }
}
