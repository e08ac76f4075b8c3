using System.Runtime.ExceptionServices;
using BlockUring.Native.Memory;

namespace BlockUring.Native.Uring;

/// <summary>
/// What code above the ring needs of the thread that it runs on: a clock, delays, buffers, workers. An <see cref="IoThread"/> is one; a
/// simulation has one with a clock of its own.
/// </summary>
/// <remarks>Everything but <see cref="Post"/> is called on the thread itself, and what is awaited goes on there.</remarks>
public abstract class Scheduler
{
    /// <summary>The clock of <see cref="DelayAsync"/>.</summary>
    public abstract TimeProvider Time { get; }

    /// <summary>Memory for I/O.</summary>
    public abstract BufferPool Buffers { get; }

    /// <summary>Runs <paramref name="action"/> on this thread soon, after what is ready now. Any thread may call this.</summary>
    public abstract void Post(Action action);

    /// <summary>
    /// Runs <paramref name="action"/> on this thread after all that is ready now, before the thread waits: what many requests leave behind is then
    /// dealt with at once. Called on the thread itself.
    /// </summary>
    public virtual void RunLast(Action action) => Post(action);

    /// <summary>Ends after <paramref name="delay"/> at the earliest.</summary>
    public abstract ValueTask DelayAsync(TimeSpan delay);

    /// <summary>Runs work on a worker thread; the result comes back to this thread.</summary>
    public abstract ValueTask OffloadAsync(WorkItem item);

    /// <summary>Lets everything else that is ready run first.</summary>
    public ValueTask YieldAsync() => DelayAsync(TimeSpan.Zero);

    /// <summary>Lets work go on by itself. What it throws is a bug: it is thrown on the thread, where nobody catches it.</summary>
    public void Detach(ValueTask work) => _ = WatchAsync(work);

    /// <summary>As <see cref="Post"/>, for the result of work; any thread.</summary>
    internal virtual void PostResult(IRunnable result) => Post(result.Run);

    private async Task WatchAsync(ValueTask work)
    {
        try
        {
            await work;
        }
#pragma warning disable CA1031 // It is thrown again.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Post(() => ExceptionDispatchInfo.Throw(e));
        }
    }
}
