using System.Threading.Tasks.Sources;

namespace BlockUring.Nbd.Client;

/// <summary>Wakes one who waits, again and again, without allocation. One thread; whoever is woken goes on inside <see cref="Set"/>.</summary>
internal sealed class NbdSignal : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> source;
    private bool isAwaited;
    private bool isSet;

    /// <summary>Ends at the next <see cref="Set"/>, or at once where there was one since the last wait.</summary>
    public ValueTask WaitAsync()
    {
        isAwaited = !isSet;
        isSet = false;
        return isAwaited ? new(this, source.Version) : default;
    }

    /// <summary>Wakes the one who waits, or will.</summary>
    public void Set()
    {
        if (!isAwaited)
        {
            isSet = true;
            return;
        }

        isAwaited = false;
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
