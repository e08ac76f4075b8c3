using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;
using BlockUring.Tests.Copy;

namespace BlockUring.Tests.Qmp;

/// <summary>A thread of its own kind: the test's, with a clock that the test moves.</summary>
internal sealed class ManualScheduler : Scheduler, IDisposable
{
    private readonly ManualTime time = new();
    private readonly Queue<Action> ready = new();
    private readonly PriorityQueue<Arrival, (long Due, int Sequence)> delays = new();
    private int delayCount;

    public ManualScheduler() => SynchronizationContext.SetSynchronizationContext(null);

    public override TimeProvider Time => time;

    public override BufferPool Buffers { get; } = new();

    public override void Post(Action action) => ready.Enqueue(action);

    public override async ValueTask DelayAsync(TimeSpan delay)
    {
        var arrival = new Arrival();
        delays.Enqueue(arrival, (time.GetTimestamp() + (delay.Ticks * 100), delayCount++));
        await arrival;
    }

    public override ValueTask OffloadAsync(WorkItem item) => throw new NotSupportedException("there are no workers here");

    /// <summary>Runs everything up to the given time from now.</summary>
    public void Run(TimeSpan until = default)
    {
        var end = time.GetTimestamp() + (until.Ticks * 100);
        while (true)
        {
            if (ready.TryDequeue(out var action))
            {
                action();
            }
            else if (delays.TryPeek(out var arrival, out var next) && next.Due <= end)
            {
                delays.Dequeue();
                if (next.Due > time.GetTimestamp())
                    time.Advance(TimeSpan.FromTicks((next.Due - time.GetTimestamp()) / 100));
                arrival.Succeed();
            }
            else
            {
                time.Advance(TimeSpan.FromTicks((end - time.GetTimestamp()) / 100));
                return;
            }
        }
    }

    public void Dispose() => Buffers.Dispose();
}
