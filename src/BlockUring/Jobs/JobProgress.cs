namespace BlockUring.Jobs;

/// <summary>How far a job is: what it has done, and what it knows it still has to do.</summary>
public sealed class JobProgress
{
    /// <summary>Work done; never goes back.</summary>
    public long Current { get; private set; }

    /// <summary>Work to do, as far as is known.</summary>
    public long Remaining { get; private set; }

    /// <summary>Both.</summary>
    public long Total => Current + Remaining;

    /// <summary>Says what is left, 0 or more.</summary>
    public void SetRemaining(long amount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(amount);
        Remaining = amount;
    }

    /// <summary>More, or with a negative number less, is left than was thought; never less than nothing.</summary>
    public void AddRemaining(long amount) => Remaining = Math.Max(0, Remaining + amount);

    /// <summary>Some of what was left is done. What was not expected makes the total larger.</summary>
    public void Advance(long amount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(amount);
        Current += amount;
        Remaining = Math.Max(0, Remaining - amount);
    }
}
