using BlockUring.Native.Uring;

namespace BlockUring.Qmp;

/// <summary>The monitor's loops that nobody awaits: clients, senders, commands. A broken invariant in one ends the thread's main.</summary>
internal sealed class SpawnedLoops(Scheduler scheduler)
{
    /// <summary>Loops that have not ended.</summary>
    public int RunningCount { get; private set; }

    /// <summary>Starts a loop; it runs at once, up to its first wait.</summary>
    public void Start(Func<ValueTask> body) => scheduler.Detach(RunAsync(body));

    private async ValueTask RunAsync(Func<ValueTask> body)
    {
        RunningCount++;
        try
        {
            await body();
        }
        finally
        {
            RunningCount--;
        }
    }
}
