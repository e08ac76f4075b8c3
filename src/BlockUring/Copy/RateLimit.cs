namespace BlockUring.Copy;

/// <summary>
/// A token bucket that limits how many bytes a second may be started. Requests are charged at once and told how long to wait; those
/// larger than the burst are allowed and leave a debt that later ones wait for.
/// </summary>
/// <remarks>
/// The promise: in any time t the requests that were started when they were told to hold no more than
/// rate × t + max(burst, largest request) bytes (plus one request each that was started later than told), and a caller that always
/// has a request waiting gets the full rate, without drift. Belongs to one thread; allocates nothing.
/// </remarks>
public sealed class RateLimit
{
    /// <summary>The share of a second that an idle bucket saves up unless told otherwise: 100 ms.</summary>
    public const int DefaultBurstMs = 100;

    private readonly TimeProvider time;
    private readonly long frequency;
    private readonly long fixedBurst;

    private long bytesPerSecond;
    private long chargedBytes;
    private long lastTimestamp;

    // Why: bytes × clock frequency, in 128 bits. Adding rate × elapsed ticks is then exact, and no rate, however low and however
    // often it is asked, loses a fraction of a byte.
    private Int128 allowance;

    /// <summary>A bucket that starts full.</summary>
    /// <param name="time">The clock; only its timestamps are read.</param>
    /// <param name="bytesPerSecond">The rate, at least 0; 0 is unlimited.</param>
    /// <param name="burstBytes">What an idle bucket saves up, in bytes, at least 0; 0 is <see cref="DefaultBurstMs"/> of the rate.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate or the burst is negative.</exception>
    public RateLimit(TimeProvider time, long bytesPerSecond = 0, long burstBytes = 0)
    {
        ArgumentNullException.ThrowIfNull(time);
        ArgumentOutOfRangeException.ThrowIfNegative(bytesPerSecond);
        ArgumentOutOfRangeException.ThrowIfNegative(burstBytes);
        this.time = time;
        this.bytesPerSecond = bytesPerSecond;
        frequency = time.TimestampFrequency;
        fixedBurst = burstBytes;
        lastTimestamp = time.GetTimestamp();
        Fill();
    }

    /// <summary>
    /// The rate in bytes per second, at least 0; 0 is unlimited. A change counts from now on: what was earned so far was earned at
    /// the old rate, debts are paid at the new one, and 0 forgives them. Who waits learns of it by <see cref="Remaining"/>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The rate is negative.</exception>
    public long BytesPerSecond
    {
        get => bytesPerSecond;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            Earn();
            bytesPerSecond = value;
            if (value == 0)
                Fill();
            else
                Cap();
        }
    }

    /// <summary>The bytes that a bucket saves up while idle at the rate of now, at least 1.</summary>
    public long BurstBytes => fixedBurst != 0 ? fixedBurst : (long)Int128.Max(1, (Int128)bytesPerSecond * DefaultBurstMs / 1000);

    /// <summary>Charges a request and returns how long to wait <em>before</em> it is started; zero is now.</summary>
    /// <param name="bytes">The size of the request in bytes, at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is negative.</exception>
    public TimeSpan Reserve(long bytes) => Reserve(bytes, out _);

    /// <summary><see cref="Reserve(long)"/>, with a ticket to ask again while waiting.</summary>
    /// <param name="bytes">The size of the request in bytes, at least 0.</param>
    /// <param name="ticket">Names the place of this request in the queue, for <see cref="Remaining"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is negative.</exception>
    public TimeSpan Reserve(long bytes, out long ticket)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Earn();
        // A request larger than the burst starts when the bucket is full, and leaves the rest as a debt.
        ticket = checked(chargedBytes + Math.Min(bytes, BurstBytes));
        chargedBytes = checked(chargedBytes + bytes);
        if (bytesPerSecond == 0)
            Fill();
        return Wait(ticket);
    }

    /// <summary>
    /// How long the request with this ticket still has to wait at the rate of now; zero is start now. A waiter that is woken when
    /// the rate is changed, or that sleeps in slices, asks this each time.
    /// </summary>
    /// <param name="ticket">From <see cref="Reserve(long, out long)"/> of this object.</param>
    public TimeSpan Remaining(long ticket)
    {
        Earn();
        return Wait(ticket);
    }

    private TimeSpan Wait(long ticket)
    {
        Int128 missing = (Int128)ticket * frequency - allowance;
        if (missing <= 0 || bytesPerSecond == 0)
            return TimeSpan.Zero;
        Int128 waitTicks = DivideUp(missing * TimeSpan.TicksPerSecond, (Int128)bytesPerSecond * frequency);
        return waitTicks >= long.MaxValue ? TimeSpan.MaxValue : new TimeSpan((long)waitTicks);
    }

    private void Earn()
    {
        long now = time.GetTimestamp();
        long elapsed = now - lastTimestamp;
        if (elapsed <= 0)
            return;
        lastTimestamp = now;
        allowance += (Int128)bytesPerSecond * elapsed;
        Cap();
    }

    private void Cap()
    {
        Int128 full = Full();
        if (allowance > full)
            allowance = full;
    }

    private void Fill() => allowance = Full();

    private Int128 Full() => ((Int128)chargedBytes + BurstBytes) * frequency;

    private static Int128 DivideUp(Int128 value, Int128 divisor) => (value + divisor - 1) / divisor;
}
