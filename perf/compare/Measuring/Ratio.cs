namespace BlockUring.Compare.Measuring;

/// <summary>
/// Subject over opponent: the ratio of the medians; of the pairs the smallest, the lower and upper quartile, and the largest ratio.
/// </summary>
internal sealed record Ratio(double Value, double Lowest, double LowerQuartile, double UpperQuartile, double Highest)
{
    /// <summary>The subject is behind.</summary>
    public bool IsLoss => Math.Round(Value, 2) > 1;

    /// <summary>The pairs disagree on who is ahead: even their middle half lies on both sides of one.</summary>
    public bool IsWithinNoise => LowerQuartile <= 1 && UpperQuartile >= 1;

    /// <summary>From samples in pair order; null when the opponent's median is zero.</summary>
    public static Ratio? Of(IReadOnlyList<double> subject, IReadOnlyList<double> opponent)
    {
        var median = Median(opponent);
        if (median <= 0 || opponent.Any(value => value <= 0))
            return null;
        var pairs = subject.Zip(opponent, (ours, theirs) => ours / theirs).ToList();
        return new Ratio(Median(subject) / median, pairs.Min(), Quantile(pairs, 0.25), Quantile(pairs, 0.75), pairs.Max());
    }

    /// <summary>The median; of an even count, the mean of the middle two.</summary>
    public static double Median(IReadOnlyList<double> values) => Quantile(values, 0.5);

    /// <summary>The value below which <paramref name="share"/> of the values lie, interpolated between neighbours.</summary>
    public static double Quantile(IReadOnlyList<double> values, double share)
    {
        var sorted = values.Order().ToList();
        var position = share * (sorted.Count - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + ((position - below) * (sorted[above] - sorted[below]));
    }
}
