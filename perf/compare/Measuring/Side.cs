using BlockUring.Compare.Running;

namespace BlockUring.Compare.Measuring;

/// <summary>One of the two programs of a comparison and what it needed.</summary>
internal sealed record Side(IReadOnlyList<string> Command)
{
    /// <summary>The timed runs, in pair order.</summary>
    public List<RunSample> Samples { get; } = [];

    /// <summary>System calls of untimed runs; empty where they cannot be counted.</summary>
    public List<long> SystemCalls { get; } = [];

    /// <summary>End of a qcow2 target, or allocated bytes of a raw file; null where that means nothing.</summary>
    public long? TargetBytes { get; set; }

    /// <summary>The samples of a metric, in pair order.</summary>
    public IReadOnlyList<double> Values(Metric metric) => metric switch
    {
        Metric.Wall => [.. Samples.Select(sample => sample.WallSeconds)],
        Metric.Cpu => [.. Samples.Select(sample => sample.CpuSeconds)],
        Metric.Memory => [.. Samples.Select(sample => sample.PeakMemoryMiB)],
        _ => [.. SystemCalls.Select(calls => (double)calls)],
    };

    /// <summary>The median of a metric, or null without samples.</summary>
    public double? Median(Metric metric)
    {
        var values = Values(metric);
        return values.Count == 0 ? null : Ratio.Median(values);
    }
}
