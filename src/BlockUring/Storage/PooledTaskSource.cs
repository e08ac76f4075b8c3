using System.Threading.Tasks.Sources;

namespace BlockUring.Storage;

/// <summary>The side of a pooled call that its caller awaits, exactly once.</summary>
/// <typeparam name="TResult">What the method returns.</typeparam>
internal abstract class PooledTask<TResult> : IValueTaskSource<TResult>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<TResult> source;

    /// <summary>Goes on with the method after what it awaited.</summary>
    public abstract Action MoveNext { get; }

    public short Version => source.Version;

    public void SetResult(TResult result) => source.SetResult(result);

    public void SetException(Exception failure) => source.SetException(failure);

    public TResult GetResult(short token)
    {
        // Why: throws here, before anything is changed, when the call has long become another one.
        if (source.GetStatus(token) == ValueTaskSourceStatus.Pending)
            throw new InvalidOperationException("The result of a call was asked for before its end.");
        try
        {
            return source.GetResult(token);
        }
        finally
        {
            source.Reset();
            Return();
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        source.OnCompleted(continuation, state, token, flags);

    /// <summary>Makes this ready for another call.</summary>
    protected abstract void Return();
}
