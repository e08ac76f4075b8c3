using System.Threading.Tasks.Sources;

namespace BlockUring.Native.Uring;

/// <summary>
/// Processor work that a <see cref="Scheduler"/> hands to a worker thread and awaits: compression, a system call that may block. Reusable;
/// awaiting it allocates nothing.
/// </summary>
public abstract class WorkItem : IValueTaskSource, IRunnable
{
    private ManualResetValueTaskSourceCore<int> source;
    private Scheduler? owner;
    private Exception? failure;

    void IValueTaskSource.GetResult(short token)
    {
        try
        {
            source.GetResult(token);
        }
        finally
        {
            source.Reset();
            owner = null;
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        source.OnCompleted(continuation, state, token, flags);

    // On the owner's thread: hands the result to whoever awaits.
    void IRunnable.Run()
    {
        if (failure == null)
        {
            source.SetResult(0);
            return;
        }

        var failed = failure;
        failure = null;
        source.SetException(failed);
    }

    /// <summary>The work. Runs on a worker thread, with no other use of this object going on.</summary>
    protected abstract void Execute();

    internal ValueTask Begin(Scheduler thread)
    {
        if (owner != null)
            throw new InvalidOperationException("A work item was given out again before it was awaited.");
        owner = thread;
        return new(this, source.Version);
    }

    internal void ExecuteOnWorker()
    {
        try
        {
            Execute();
        }
#pragma warning disable CA1031 // Whatever the work throws is thrown again to whoever awaits it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = e;
        }

        owner!.PostResult(this);
    }
}
