using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Simulation;

/// <summary>
/// A thread for the engine with a clock of its own. What goes on next, what was posted or one of the requests in flight, the seed says; when
/// there is nothing else, the clock goes to the next delay.
/// </summary>
internal sealed class SimulatedScheduler(int seed, BufferPool? buffers = null) : Scheduler
{
    private readonly Random random = new(seed);
    private readonly Queue<Action> ready = new();
    private readonly PriorityQueue<TaskCompletionSource, (long Due, long Sequence)> delays = new();
    private readonly List<IPendingWork> devices = [];
    private readonly SimulatedTime time = new();
    private readonly int threadId = Environment.CurrentManagedThreadId;
    private long delayCount;

    public override TimeProvider Time => time;

    public override BufferPool Buffers { get; } = buffers ?? new BufferPool();

    /// <summary>How often a delay ends although requests are in flight: how slow the devices are.</summary>
    public double EarlyDelayShare { get; set; }

    public override void Post(Action action)
    {
        DemandThread();
        ready.Enqueue(action);
    }

    public override ValueTask DelayAsync(TimeSpan delay)
    {
        DemandThread();
        var ended = new TaskCompletionSource();
        delays.Enqueue(ended, (time.GetTimestamp() + Math.Max(0, delay.Ticks), delayCount++));
        return new(ended.Task);
    }

    public override ValueTask OffloadAsync(WorkItem item)
    {
        var pending = item.Begin(this);
        Post(item.ExecuteOnWorker);
        return pending;
    }

    /// <summary>From now on also ends what is in flight there.</summary>
    public void Add(IPendingWork device) => devices.Add(device);

    /// <summary>Runs <paramref name="main"/> to its end, or until <paramref name="isOver"/>.</summary>
    public void Run(Func<Task> main, Func<bool>? isOver = null) => Alone(() =>
    {
        var task = main();
        while (!task.IsCompleted && isOver?.Invoke() != true)
        {
            if (!Step(mayWait: true))
                throw new InvalidOperationException("Nothing is in flight, and yet the work has not ended: it hangs.");
        }

        if (task.IsCompleted)
            task.GetAwaiter().GetResult();
    });

    /// <summary>Runs what can go on at the time of now.</summary>
    /// <param name="completes">Whether requests in flight end.</param>
    public void Settle(bool completes = true) => Alone(() =>
    {
        while (Step(mayWait: false, completes))
        {
        }
    });

    /// <summary>Lets time go by, and everything happen meanwhile.</summary>
    /// <param name="span">How long.</param>
    /// <param name="completes">Whether requests in flight end.</param>
    public void Pass(TimeSpan span, bool completes = true) => Alone(() =>
    {
        var end = time.GetTimestamp() + span.Ticks;
        while (Step(mayWait: false, completes) || EndNextDelay(end))
        {
        }

        time.GoTo(end);
    });

    private static void Alone(Action action)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            action();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private bool Step(bool mayWait, bool completes = true)
    {
        var inFlight = completes ? devices.Sum(d => d.PendingCount) : 0;
        var choices = inFlight + (ready.Count > 0 ? 1 : 0);
        if (choices == 0)
            return EndNextDelay(mayWait ? long.MaxValue : time.GetTimestamp());
        if (mayWait && random.NextDouble() < EarlyDelayShare && EndNextDelay(long.MaxValue))
            return true;
        var choice = random.Next(choices);
        if (choice == inFlight)
            ready.Dequeue()();
        else
            Complete(choice);
        return true;
    }

    private void Complete(int index)
    {
        foreach (var device in devices)
        {
            if (index < device.PendingCount)
            {
                device.Complete(index);
                return;
            }

            index -= device.PendingCount;
        }
    }

    private bool EndNextDelay(long latest)
    {
        if (!delays.TryPeek(out var ended, out var next) || next.Due > latest)
            return false;
        delays.Dequeue();
        time.GoTo(next.Due);
        ended.SetResult();
        return true;
    }

    private void DemandThread()
    {
        if (Environment.CurrentManagedThreadId != threadId)
            throw new InvalidOperationException("Something went on on another thread.");
    }
}
