using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>
/// Where requests come into the block graph: counts those inside, and can be closed, by several at a time, so that none is inside and none
/// gets in until all have opened it again. Draining is closing the gates above a node; a job's pause points are its entries.
/// </summary>
/// <remarks>One thread only. Nothing is allocated while the gate is open.</remarks>
public sealed class RequestGate
{
    private int closedCount;
    private Arrival? opened;
    private Arrival? emptied;

    /// <summary>Requests that have entered and not left.</summary>
    public int InsideCount { get; private set; }

    /// <summary>Whether whoever comes now waits.</summary>
    public bool IsClosed => closedCount > 0;

    /// <summary>Whether it is closed and nothing is inside.</summary>
    public bool IsQuiet => IsClosed && InsideCount == 0;

    /// <summary>Called at once when a closed gate has become quiet, and when a quiet one was opened for good.</summary>
    public Action? QuietChanged { get; set; }

    /// <summary>Enters without waiting, unless the gate is closed.</summary>
    /// <returns>Whether the caller is inside, and owes an <see cref="Exit"/>.</returns>
    public bool TryEnter()
    {
        if (IsClosed)
            return false;
        InsideCount++;
        return true;
    }

    /// <summary>Enters as soon as the gate is open; owes an <see cref="Exit"/> then.</summary>
    public ValueTask EnterAsync() => TryEnter() ? ValueTask.CompletedTask : EnterLaterAsync();

    /// <summary>Leaves.</summary>
    public void Exit()
    {
        if (InsideCount == 0)
            throw new InvalidOperationException("More requests left a gate than had entered.");
        if (--InsideCount > 0 || !IsClosed)
            return;
        var waiters = emptied;
        emptied = null;
        QuietChanged?.Invoke();
        waiters?.Succeed();
    }

    /// <summary>Closes the gate at once, once more if it is closed; the task ends when nothing is inside.</summary>
    public ValueTask CloseAsync()
    {
        closedCount++;
        if (InsideCount > 0)
            return WaitUntilEmptyAsync();
        if (closedCount == 1)
            QuietChanged?.Invoke();
        return ValueTask.CompletedTask;
    }

    /// <summary>Takes one <see cref="CloseAsync"/> back, whose task need not have ended; the last one lets the waiting in, in order.</summary>
    public void Open()
    {
        if (closedCount == 0)
            throw new InvalidOperationException("A gate was opened more often than closed.");
        if (--closedCount > 0)
            return;
        var (entering, closing) = (opened, emptied);
        (opened, emptied) = (null, null);
        QuietChanged?.Invoke();
        closing?.Succeed();
        entering?.Succeed();
    }

    // Why a loop: one of those who were let in may have closed the gate again.
    private async ValueTask EnterLaterAsync()
    {
        do
            await (opened ??= new Arrival());
        while (!TryEnter());
    }

    private async ValueTask WaitUntilEmptyAsync()
    {
        while (IsClosed && InsideCount > 0)
            await (emptied ??= new Arrival());
    }
}
