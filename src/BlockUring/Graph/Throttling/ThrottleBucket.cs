namespace BlockUring.Graph.Throttling;

/// <summary>One limit: a leaky bucket for the average, and a smaller one that bounds the rate of a burst, as in QEMU.</summary>
internal sealed class ThrottleBucket
{
    // Why a tenth: QEMU lets as much through at once as a tenth of a second gives.
    private const double IdleShare = 0.1;

    private readonly long average;
    private readonly long max;
    private readonly long burstSeconds;
    private double level;
    private double burstLevel;

    public ThrottleBucket(long average, long max, long burstSeconds)
    {
        this.average = average;
        this.max = max;
        this.burstSeconds = burstSeconds;
    }

    /// <summary>Lets what the passed time allows flow out.</summary>
    public void Leak(double seconds)
    {
        level = Math.Max(0, level - average * seconds);
        if (burstSeconds > 1)
            burstLevel = Math.Max(0, burstLevel - max * seconds);
    }

    /// <summary>Charges a request.</summary>
    public void Add(double units)
    {
        level += units;
        if (burstSeconds > 1)
            burstLevel += units;
    }

    /// <summary>How long the next request has to wait, in seconds; 0 is not at all.</summary>
    public double Wait()
    {
        if (average == 0)
            return 0;
        var size = max == 0 ? average * IdleShare : (double)max * burstSeconds;
        if (level > size)
            return (level - size) / average;
        var burstSize = max * IdleShare;
        return burstSeconds > 1 && burstLevel > burstSize ? (burstLevel - burstSize) / max : 0;
    }
}
