using System.Runtime.CompilerServices;

namespace BlockUring.Storage;

/// <summary>Makes an async method that returns <see cref="ValueTask"/> allocate nothing in steady state; see <see cref="PooledTaskBuilder{TResult}"/>.</summary>
internal struct PooledTaskBuilder
{
    private PooledTaskBuilder<bool> inner;

    public readonly ValueTask Task => inner.TaskWithoutResult;

    public static PooledTaskBuilder Create() => default;

    public readonly void Start<TMachine>(ref TMachine machine)
        where TMachine : IAsyncStateMachine => machine.MoveNext();

    public readonly void SetStateMachine(IAsyncStateMachine machine)
    {
    }

    public void SetResult() => inner.SetResult(true);

    public void SetException(Exception failure) => inner.SetException(failure);

    public void AwaitOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : INotifyCompletion
        where TMachine : IAsyncStateMachine => inner.AwaitOnCompleted(ref awaiter, ref machine);

    public void AwaitUnsafeOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : ICriticalNotifyCompletion
        where TMachine : IAsyncStateMachine => inner.AwaitUnsafeOnCompleted(ref awaiter, ref machine);
}
