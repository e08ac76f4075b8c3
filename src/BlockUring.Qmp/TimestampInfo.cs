namespace BlockUring.Qmp;

/// <summary>When an event happened.</summary>
/// <param name="Seconds">Since 1970, UTC.</param>
/// <param name="Microseconds">Of the second.</param>
internal sealed record TimestampInfo(long Seconds, long Microseconds)
{
    /// <summary>The same instant.</summary>
    public static TimestampInfo Of(DateTimeOffset time) =>
        new(time.ToUnixTimeSeconds(), time.UtcTicks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond);
}
