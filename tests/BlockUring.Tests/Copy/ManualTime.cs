namespace BlockUring.Tests.Copy;

/// <summary>A clock that stands still until the test moves it.</summary>
internal sealed class ManualTime(long frequency = 1_000_000_000) : TimeProvider
{
    private long timestamp = 12345;

    public override long TimestampFrequency => frequency;

    public override long GetTimestamp() => timestamp;

    /// <summary>Moves on by at least this long: rounded up to whole ticks of the clock.</summary>
    public void Advance(TimeSpan by) =>
        timestamp += (long)(((Int128)by.Ticks * frequency + TimeSpan.TicksPerSecond - 1) / TimeSpan.TicksPerSecond);
}
