namespace BlockUring.Jobs;

/// <summary>How long to wait before something is tried again that failed: longer every time, until something succeeds.</summary>
internal sealed class Backoff
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Last = TimeSpan.FromSeconds(1);

    private TimeSpan next = First;

    /// <summary>Something went well.</summary>
    public void Reset() => next = First;

    /// <summary>How long to wait now.</summary>
    public TimeSpan Next()
    {
        var now = next;
        next = next + next < Last ? next + next : Last;
        return now;
    }
}
