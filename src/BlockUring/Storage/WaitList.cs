using System.Threading.Tasks.Sources;

namespace BlockUring.Storage;

/// <summary>Those who wait for one event. All go on, one after the other, on the thread that ends the wait.</summary>
/// <remarks>
/// One thread only. Why not a TaskCompletionSource: with more than one awaiter it resumes all but one of them on the thread pool.
/// </remarks>
internal sealed class WaitList
{
    private readonly List<Waiter> waiters = [];

    /// <summary>Waits for <see cref="End"/>.</summary>
    public ValueTask WaitAsync()
    {
        var waiter = new Waiter();
        waiters.Add(waiter);
        return waiter.Pending;
    }

    /// <summary>Lets all go on; with a failure, each throws it.</summary>
    public void End(Exception? failure = null)
    {
        foreach (var waiter in waiters)
            waiter.End(failure);
    }

    private sealed class Waiter : IValueTaskSource
    {
        private ManualResetValueTaskSourceCore<bool> source;

        public ValueTask Pending => new(this, source.Version);

        public void End(Exception? failure)
        {
            if (failure == null)
                source.SetResult(true);
            else
                source.SetException(failure);
        }

        void IValueTaskSource.GetResult(short token) => source.GetResult(token);

        ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => source.GetStatus(token);

        void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            source.OnCompleted(continuation, state, token, flags);
    }
}
