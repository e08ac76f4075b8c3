using System.Collections.Concurrent;
using BlockUring.Native.Memory;

namespace BlockUring.Native.Uring;

/// <summary>
/// One thread that owns one ring. It submits in batches: one io_uring_enter submits, waits and reaps, and then everything that can go on
/// does, on this thread. What runs here is touched by no other thread.
/// </summary>
/// <remarks>
/// There is no synchronization context: whatever code here awaits must complete on this thread, as I/O, delays and worker results do.
/// </remarks>
public sealed class IoThread : Scheduler, IDisposable
{
    // How long the thread waits for operations that main left in flight, before the ring is torn down under them.
    private const long DrainMilliseconds = 5000;

    [ThreadStatic]
    private static IoThread? current;

    private readonly Ring ring;
    private readonly Queue<IRunnable> ready = new();
    private readonly ConcurrentQueue<IRunnable> posted = new();
    private readonly Queue<Action> last = new();
    private readonly WakeEvent wake;
    private readonly WorkerPool workers;
    private readonly TimerQueue timers;
    private int sleeping;

    private IoThread(IoThreadOptions options)
    {
        ring = new Ring(options.Ring);
        Queue = new IoQueue(ring, ready);
        Time = options.Time;
        timers = new TimerQueue(Time);
        workers = new WorkerPool(options.WorkerCount > 0 ? options.WorkerCount : Environment.ProcessorCount);
        Buffers = new BufferPool(options.MaxBufferBytes, options.BufferArenaLength);
        wake = new WakeEvent();
        if (options.RegisterBuffers)
            Buffers.AttachRegistrar(ring);
        Queue.StartWake(wake);
    }

    /// <summary>The IoThread that is running on the calling thread.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public static IoThread Current => current ?? throw new InvalidOperationException("This is not an I/O thread.");

    /// <summary>As <see cref="Current"/>, null on any other thread: what can offload work does it itself there.</summary>
    public static IoThread? CurrentOrNull => current;

    /// <summary>The way into the ring.</summary>
    public IoQueue Queue { get; }

    /// <inheritdoc/>
    public override BufferPool Buffers { get; }

    /// <inheritdoc/>
    public override TimeProvider Time { get; }

    /// <summary>What the ring was set up with.</summary>
    public RingFeatures Features => ring.Features;

    /// <summary>Calls of io_uring_enter so far.</summary>
    public long EnterCount => ring.EnterCount;

    /// <summary>
    /// Turns the calling thread into an I/O thread until <paramref name="main"/> has ended. Transfers that are in flight then are waited for;
    /// receives, sends, accepts and polls are cancelled.
    /// </summary>
    /// <param name="options">How.</param>
    /// <param name="main">Runs on this thread, as does all that it awaits.</param>
    /// <returns>What <paramref name="main"/> returned; what it throws is thrown.</returns>
    /// <exception cref="PlatformNotSupportedException">The kernel has no io_uring, or forbids it.</exception>
    public static T Run<T>(IoThreadOptions options, Func<IoThread, ValueTask<T>> main)
    {
        if (current != null)
            throw new InvalidOperationException("This thread is an I/O thread already.");
        using var thread = new IoThread(options);
        current = thread;

        // Why: delays and worker results would go through the caller's context, to other threads.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            return thread.RunMain(main);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
            current = null;
        }
    }

    /// <inheritdoc/>
    public override void Post(Action action) => PostResult(new PostedAction(action));

    /// <inheritdoc/>
    public override void RunLast(Action action) => last.Enqueue(action);

    /// <inheritdoc/>
    public override ValueTask DelayAsync(TimeSpan delay) => timers.DelayAsync(delay);

    /// <inheritdoc/>
    public override ValueTask OffloadAsync(WorkItem item)
    {
        var pending = item.Begin(this);
        workers.Add(item);
        return pending;
    }

    /// <summary>Runs a function on a worker thread: for system calls that may block and are not in the ring. Allocates.</summary>
    public async ValueTask<T> OffloadAsync<T>(Func<T> function)
    {
        var item = new FunctionItem<T>(function);
        await OffloadAsync(item);
        return item.Result;
    }

    /// <summary>Tears the ring down; operations in flight are cancelled by the kernel.</summary>
    public void Dispose()
    {
        workers.Dispose();
        Buffers.DetachRegistrar();
        ring.Dispose();

        // Why: what is still in flight may write to its buffer after the ring is closed; better lost memory than overwritten memory.
        if (Queue.InFlightCount == 0)
            Buffers.Dispose();
        wake.Dispose();
    }

    internal override void PostResult(IRunnable result)
    {
        posted.Enqueue(result);
        if (Interlocked.Exchange(ref sleeping, 0) == 1)
            wake.Signal();
    }

    private T RunMain<T>(Func<IoThread, ValueTask<T>> main)
    {
        try
        {
            var task = main(this).AsTask();
            if (!task.IsCompleted)
                task.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(() => Post(() => { }));
            RunUntil(task);
            return task.GetAwaiter().GetResult();
        }
        finally
        {
            Drain();
        }
    }

    private void RunUntil(Task task)
    {
        while (true)
        {
            RunReady();
            if (task.IsCompleted)
                return;
            Turn(-1);
        }
    }

    private void Drain()
    {
        var end = Environment.TickCount64 + DrainMilliseconds;
        Queue.CancelWaiting();
        while (Queue.InFlightCount > 0 && Environment.TickCount64 < end)
        {
            Turn(DrainMilliseconds * 1_000_000 / 10);
            RunReady();
        }
    }

    private void Turn(long maxNanoseconds)
    {
        // Why: what is in the ring may never end without what is behind it, so the thread sleeps only when all of it is submitted.
        var isAllSubmitted = Queue.SubmitBacklog();
        var timeout = timers.NanosecondsToNext;
        if (timeout < 0)
            timeout = maxNanoseconds;
        var mayWait = isAllSubmitted && ready.Count == 0 && last.Count == 0 && timeout != 0 && ring.Completion.IsEmpty;
        if (mayWait)
        {
            Interlocked.Exchange(ref sleeping, 1);
            mayWait = posted.IsEmpty;
        }

        ring.Enter(mayWait ? 1u : 0u, timeout);
        Volatile.Write(ref sleeping, 0);
        Queue.Reap();
        timers.TakeDue(ready);
    }

    // Runs what is ready now; what becomes ready meanwhile waits for the next turn of the ring, so that nobody starves.
    private void RunReady()
    {
        for (var count = posted.Count; count > 0 && posted.TryDequeue(out var runnable); count--)
            ready.Enqueue(runnable);
        for (var count = ready.Count; count > 0; count--)
            ready.Dequeue().Run();
        for (var count = last.Count; count > 0; count--)
            last.Dequeue()();
    }

    private sealed class PostedAction(Action action) : IRunnable
    {
        public void Run() => action();
    }

    private sealed class FunctionItem<T>(Func<T> function) : WorkItem
    {
        public T Result { get; private set; } = default!;

        protected override void Execute() => Result = function();
    }
}
