using BlockUring.Copy;
using BlockUring.Native.Interop;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>Fails waits whose time is up. One timer serves them all, since a delay cannot be taken back.</summary>
internal sealed class Deadlines
{
    private static readonly TimeSpan MinTick = TimeSpan.FromMilliseconds(10);

    private readonly Scheduler scheduler;
    private readonly Dictionary<Arrival, long> waiting = [];
    private bool isTicking;

    public Deadlines(Scheduler scheduler) => this.scheduler = scheduler;

    /// <summary>Fails <paramref name="arrival"/> when the time is up, unless it is removed before.</summary>
    public void Add(Arrival arrival, TimeSpan timeout)
    {
        waiting.Add(arrival, scheduler.Time.GetTimestamp() + (long)(timeout.TotalSeconds * scheduler.Time.TimestampFrequency));
        if (isTicking)
            return;
        isTicking = true;
        scheduler.Detach(TickAsync());
    }

    /// <summary>Takes a wait back.</summary>
    /// <returns>False when its time was up before.</returns>
    public bool Remove(Arrival arrival) => waiting.Remove(arrival);

    private async ValueTask TickAsync()
    {
        while (waiting.Count > 0)
        {
            var time = scheduler.Time;
            var left = (waiting.Values.Min() - time.GetTimestamp()) / (double)time.TimestampFrequency;
            var delay = TimeSpan.FromSeconds(Math.Clamp(left, 0, 1));
            await scheduler.DelayAsync(delay < MinTick ? MinTick : delay);
            var now = time.GetTimestamp();
            foreach (var late in waiting.Where(w => w.Value <= now).Select(w => w.Key).ToArray())
            {
                // Why asked: who learns of one that is late may have ended another.
                if (waiting.Remove(late))
                    late.Fail(new CopyFailureException(false, TimedOut()));
            }
        }

        isTicking = false;
    }

    private static BlockException TimedOut() => new(BlockErrorKind.Io, Errno.Message(Errno.ETIMEDOUT), Errno.ETIMEDOUT);
}
