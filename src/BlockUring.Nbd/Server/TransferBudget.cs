namespace BlockUring.Nbd.Server;

/// <summary>Bounds the bytes that the connections of a server hold together; who has to wait is served in order.</summary>
/// <param name="maxBytes">The bound.</param>
internal sealed class TransferBudget(long maxBytes)
{
    private readonly Queue<WakeSignal> waiting = new();
    private long usedBytes;

    /// <summary>Takes bytes, where there are so many.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="isFirst">The connection holds nothing: it always gets its first piece, so that slow ones cannot starve it.</param>
    /// <returns>False where the caller has to wait.</returns>
    public bool TryTake(long bytes, bool isFirst)
    {
        if (!isFirst && usedBytes + bytes > maxBytes)
            return false;
        usedBytes += bytes;
        return true;
    }

    /// <summary>Has a signal set when bytes have come back.</summary>
    public void Await(WakeSignal signal)
    {
        if (!waiting.Contains(signal))
            waiting.Enqueue(signal);
    }

    /// <summary>Gives bytes back.</summary>
    public void Release(long bytes)
    {
        usedBytes -= bytes;
        // Why all: each looks for itself whether it is enough now, the first one first.
        for (var count = waiting.Count; count > 0 && usedBytes < maxBytes; count--)
            waiting.Dequeue().Set();
    }
}
