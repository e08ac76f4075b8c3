using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using BlockUring.Graph;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Jobs;

/// <summary>The workers of a job: where they are held while it is paused, where they sleep, and how they learn that it is over.</summary>
internal sealed class JobCrew
{
    // Why: a disk that answers at once would keep the thread for itself.
    private const int EntriesPerTurn = 128;

    // Why: a delay cannot be taken back, and holds on to its job until it is over.
    private static readonly TimeSpan MaxSleep = TimeSpan.FromSeconds(1);

    private readonly RequestGate gate = new();
    private readonly Scheduler scheduler;
    private List<Arrival> sleepers = [];
    private Exception? failure;
    private Arrival? nextTurn;
    private int entriesLeft = EntriesPerTurn;

    /// <summary>A crew with one pause: it has not been started.</summary>
    public JobCrew(Scheduler scheduler)
    {
        this.scheduler = scheduler;
        scheduler.Detach(PauseAsync());
    }

    /// <summary>How many pauses there are now.</summary>
    public int PauseCount { get; private set; }

    /// <summary>How many are making requests.</summary>
    public int InsideCount => gate.InsideCount;

    /// <summary>Whether it is paused, and nobody makes requests any more.</summary>
    public bool IsQuiet => gate.IsQuiet;

    /// <summary>Called when <see cref="IsQuiet"/> has changed, and when a pause has ended before that.</summary>
    public Action? QuietChanged
    {
        get => gate.QuietChanged;
        set => gate.QuietChanged = value;
    }

    /// <summary>Whether entering and sleeping throw from now on; those who wait learn of it when they are let in or woken.</summary>
    public bool MustStop { get; set; }

    /// <summary>Called when one of several workers has failed, and the others are to learn of it.</summary>
    public Action? Failed { get; set; }

    /// <summary>Adds a pause; ends when nobody is inside.</summary>
    public ValueTask PauseAsync()
    {
        PauseCount++;
        return gate.CloseAsync();
    }

    /// <summary>Takes a pause back; after the last one all go on at once.</summary>
    public void EndPause()
    {
        PauseCount--;
        gate.Open();
    }

    /// <summary>Waits until there is no pause.</summary>
    public async ValueTask WaitForResumeAsync()
    {
        await gate.EnterAsync();
        gate.Exit();
    }

    /// <summary>Enters when there is no pause; owes an <see cref="Exit"/> then.</summary>
    public ValueTask EnterAsync()
    {
        if (MustStop || entriesLeft == 0 || !gate.TryEnter())
            return EnterLaterAsync();
        entriesLeft--;
        return ValueTask.CompletedTask;
    }

    /// <summary>Leaves.</summary>
    public void Exit() => gate.Exit();

    /// <summary>Runs workers until all have ended; throws the first failure then.</summary>
    public async ValueTask RunAsync(int count, Func<int, ValueTask> work)
    {
        var running = new Task[count];
        for (var i = 0; i < count; i++)
            running[i] = RunOneAsync(work, i);
        foreach (var task in running)
            await task;
        if (failure != null)
            ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Sleeps until <see cref="WakeAll"/>, or for <paramref name="time"/> at most; it may be less.</summary>
    public async ValueTask SleepAsync(TimeSpan? time)
    {
        ThrowIfStopped();
        var sleeper = new Arrival();
        sleepers.Add(sleeper);
        if (time is { } length)
            scheduler.Detach(WakeLaterAsync(sleeper, length < MaxSleep ? length : MaxSleep));
        await sleeper;
        ThrowIfStopped();
    }

    /// <summary>Wakes everybody who sleeps now.</summary>
    public void WakeAll()
    {
        var woken = sleepers;
        sleepers = [];
        foreach (var sleeper in woken)
            sleeper.Succeed();
    }

    /// <summary>Throws if all must stop.</summary>
    public void ThrowIfStopped()
    {
        if (MustStop)
            throw new OperationCanceledException();
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask EnterLaterAsync()
    {
        ThrowIfStopped();
        while (entriesLeft == 0)
            await (nextTurn ?? PostNextTurn());
        entriesLeft--;
        await gate.EnterAsync();
        if (!MustStop)
            return;
        gate.Exit();
        throw new OperationCanceledException();
    }

    private Arrival PostNextTurn()
    {
        var turn = nextTurn = new Arrival();
        scheduler.Post(() =>
        {
            nextTurn = null;
            entriesLeft = EntriesPerTurn;
            turn.Succeed();
        });
        return turn;
    }

    private async Task RunOneAsync(Func<int, ValueTask> work, int index)
    {
        try
        {
            await work(index);
        }
#pragma warning disable CA1031 // The one that matters most is thrown again when all have ended.
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (failure is null or OperationCanceledException || e is not (BlockException or OperationCanceledException))
                failure = e;
            MustStop = true;
            Failed?.Invoke();
            WakeAll();
        }
    }

    private async ValueTask WakeLaterAsync(Arrival sleeper, TimeSpan time)
    {
        await scheduler.DelayAsync(time);
        if (sleepers.Remove(sleeper))
            sleeper.Succeed();
    }
}
