using System.Runtime.CompilerServices;

namespace BlockUring.Storage;

/// <summary>A call of an async method that had to wait: its state, and its result for the one who awaits it. Used again after that.</summary>
/// <typeparam name="TMachine">The compiler's state machine.</typeparam>
/// <typeparam name="TResult">What the method returns.</typeparam>
internal sealed class PooledTask<TMachine, TResult> : PooledTask<TResult>
    where TMachine : IAsyncStateMachine
{
    private const int MaxIdle = 1024;

    [ThreadStatic]
    private static Stack<PooledTask<TMachine, TResult>>? idle;

    private TMachine? machine;

    private PooledTask() => MoveNext = () => machine!.MoveNext();

    public override Action MoveNext { get; }

    public static PooledTask<TMachine, TResult> Rent() => idle != null && idle.TryPop(out var task) ? task : new();

    public void Hold(ref TMachine stateMachine) => machine = stateMachine;

    protected override void Return()
    {
        machine = default;
        idle ??= new Stack<PooledTask<TMachine, TResult>>();
        if (idle.Count < MaxIdle)
            idle.Push(this);
    }
}
