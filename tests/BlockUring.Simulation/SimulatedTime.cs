namespace BlockUring.Simulation;

/// <summary>A clock that goes only when it is told to.</summary>
internal sealed class SimulatedTime : TimeProvider
{
    private long ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => ticks;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(ticks);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        throw new NotSupportedException("Delays are the scheduler's.");

    /// <summary>Sets the clock, which never goes back.</summary>
    public void GoTo(long timestamp) => ticks = Math.Max(ticks, timestamp);
}
