using System.Threading.Tasks.Sources;

namespace BlockUring.Nbd.Server;

/// <summary>Wakes the one loop that waits for it; what is set while nobody waits is kept, once. Allocates nothing in steady state.</summary>
internal sealed class WakeSignal : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> source;
    private bool isSet;
    private bool isWaiting;

    /// <summary>Ends when it is set; at once where it was.</summary>
    public ValueTask WaitAsync()
    {
        if (isSet)
        {
            isSet = false;
            return ValueTask.CompletedTask;
        }

        if (isWaiting)
            throw new InvalidOperationException("Two wait for one signal.");
        isWaiting = true;
        return new(this, source.Version);
    }

    /// <summary>Wakes who waits, right here.</summary>
    public void Set()
    {
        if (!isWaiting)
        {
            isSet = true;
            return;
        }

        isWaiting = false;
        source.SetResult(true);
    }

    void IValueTaskSource.GetResult(short token)
    {
        source.GetResult(token);
        source.Reset();
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        source.OnCompleted(continuation, state, token, flags);
}
