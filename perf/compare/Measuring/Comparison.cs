using BlockUring.Compare.Cases;

namespace BlockUring.Compare.Measuring;

/// <summary>One row of the report: a case on a stage against an opponent.</summary>
internal sealed record Comparison
{
    /// <summary>Stock spread above which a row's wall ratio is called noisy.</summary>
    private const double NoisySpread = 0.15;

    public required string Stage { get; init; }

    public required CompareCase Case { get; init; }

    public required Opponent Opponent { get; init; }

    public required Target Target { get; init; }

    /// <summary>Bytes a guest sees in the source.</summary>
    public long GuestBytes { get; init; }

    public Side? Subject { get; init; }

    public Side? Peer { get; init; }

    /// <summary>Why the row has no figures: what failed, or why it was left out.</summary>
    public string? Problem { get; init; }

    /// <summary>The row has no figures because something went wrong, not because the case has no place here.</summary>
    public bool IsFailure { get; init; }

    /// <summary>Subject over opponent, or null where it could not be measured.</summary>
    public Ratio? RatioOf(Metric metric) =>
        Subject is null || Peer is null || Subject.Values(metric).Count == 0 || Peer.Values(metric).Count == 0
            ? null
            : Ratio.Of(Subject.Values(metric), Peer.Values(metric));

    /// <summary>The largest ratio the project accepts, or null.</summary>
    public double? TargetOf(Metric metric) => Opponent != Opponent.Best && Opponent != Opponent.Daemon ? null : metric switch
    {
        Metric.Wall => Target.Wall,
        Metric.Cpu => Target.Cpu,
        _ => null,
    };

    /// <summary>
    /// The opponent's wall times: upper minus lower quartile, over the median. What the host does to a program that does not change.
    /// </summary>
    public double? PeerSpread => Peer is null || Peer.Samples.Count < 2
        ? null
        : (Ratio.Quantile(Peer.Values(Metric.Wall), 0.75) - Ratio.Quantile(Peer.Values(Metric.Wall), 0.25)) / Peer.Median(Metric.Wall);

    public bool IsNoisy => PeerSpread > NoisySpread;

    /// <summary>System calls per GiB of guest data; of a case without data, system calls a run.</summary>
    public double? SystemCallsOf(Side side) =>
        side.Median(Metric.SystemCalls) / (Case.IsWithoutData ? 1 : (double)GuestBytes / ByteSize.GiB);

    /// <summary>Subject's target size over the opponent's, where both are known.</summary>
    public double? TargetSizeRatio =>
        Peer?.TargetBytes is > 0 and var theirs && Subject?.TargetBytes is { } ours ? (double)ours / theirs : null;
}
