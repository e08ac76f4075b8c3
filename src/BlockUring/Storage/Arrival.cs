using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace BlockUring.Storage;

/// <summary>Something that happens once and that any number of callers await, all on one thread.</summary>
/// <remarks>
/// Why: a Task with several awaiters may continue them on the thread pool; these go on right where <see cref="Succeed"/> or
/// <see cref="Fail"/> is called, in the order in which they came.
/// </remarks>
public sealed class Arrival
{
    private List<Action>? waiters;
    private Exception? failure;
    private bool hasEnded;

    /// <summary>Ends the wait.</summary>
    public void Succeed() => End(null);

    /// <summary>Ends the wait with a failure, thrown to every waiter.</summary>
    public void Fail(Exception e) => End(e);

    /// <summary>For await.</summary>
    public Awaiter GetAwaiter() => new(this);

    private void End(Exception? e)
    {
        if (hasEnded)
            throw new InvalidOperationException("An arrival ended twice.");
        failure = e;
        hasEnded = true;
        if (waiters == null)
            return;
        foreach (var goOn in waiters)
            goOn();
        waiters = null;
    }

    /// <summary>What await uses.</summary>
    public readonly struct Awaiter(Arrival arrival) : ICriticalNotifyCompletion
    {
        /// <summary>Whether there is nothing to wait for.</summary>
        public bool IsCompleted => arrival.hasEnded;

        /// <summary>Throws the failure, if it is one.</summary>
        public void GetResult()
        {
            if (arrival.failure != null)
                ExceptionDispatchInfo.Throw(arrival.failure);
        }

        /// <inheritdoc/>
        public void OnCompleted(Action continuation) => (arrival.waiters ??= []).Add(continuation);

        /// <inheritdoc/>
        public void UnsafeOnCompleted(Action continuation) => OnCompleted(continuation);
    }
}
