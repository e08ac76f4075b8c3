using System.Globalization;
using BlockUring.Compare.Measuring;

namespace BlockUring.Compare.Reports;

/// <summary>The words of one row, the same on the terminal and in HTML.</summary>
internal static class Figures
{
    public static IReadOnlyList<Metric> Metrics { get; } = [Metric.Wall, Metric.Cpu, Metric.Memory, Metric.SystemCalls];

    /// <summary>Heading of a metric.</summary>
    public static string Name(Metric metric) => metric switch
    {
        Metric.Wall => "wall",
        Metric.Cpu => "CPU",
        Metric.Memory => "peak memory",
        _ => "system calls",
    };

    /// <summary>"ours / theirs unit", or a dash.</summary>
    public static string Absolute(Comparison row, Metric metric)
    {
        if (row.Subject is not { } ours || row.Peer is not { } theirs)
            return "–";
        if (metric == Metric.SystemCalls)
        {
            var unit = row.Case.IsWithoutData ? " a run" : "";
            return row.SystemCallsOf(ours) is { } our && row.SystemCallsOf(theirs) is { } their ? $"{Number(our)} / {Number(their)}{unit}" : "–";
        }

        if (ours.Median(metric) is not { } mine || theirs.Median(metric) is not { } other)
            return "–";
        return metric == Metric.Memory ? $"{Number(mine)} / {Number(other)} MiB" : Seconds(mine, other);
    }

    /// <summary>"0.71× (0.69–0.74)", or a dash.</summary>
    public static string RatioText(Comparison row, Metric metric) => row.RatioOf(metric) switch
    {
        null => "–",
        var ratio => $"{Times(ratio.Value)} ({Two(ratio.Lowest)}–{Two(ratio.Highest)})",
    };

    /// <summary>LOSS where the ratio is above one, with a word where the pairs disagree; else empty.</summary>
    public static string Mark(Comparison row, Metric metric) => row.RatioOf(metric) switch
    {
        { IsLoss: true, IsWithinNoise: true } => "LOSS (in noise)",
        { IsLoss: true } => "LOSS",
        _ => "",
    };

    /// <summary>"met ≤ 0.75" or "MISSED ≤ 0.75"; empty without a target.</summary>
    public static string TargetText(Comparison row, Metric metric) =>
        row.TargetOf(metric) is { } target && row.RatioOf(metric) is { } ratio
            ? $"{(Misses(target, ratio) ? "MISSED" : "met")} ≤ {Two(target)}"
            : "";

    /// <summary>The ratio is above the target.</summary>
    public static bool Misses(double target, Ratio ratio) => Math.Round(ratio.Value, 2) > target;

    /// <summary>The opponent's spread as a percentage, marked when it is large; or a dash.</summary>
    public static string Spread(Comparison row) => row.PeerSpread is { } spread ? $"{Number(100 * spread)} %{(row.IsNoisy ? " NOISY" : "")}" : "–";

    /// <summary>"0.71×".</summary>
    public static string Times(double value) => Two(value) + "×";

    /// <summary>Two decimals.</summary>
    public static string Two(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Seconds(double ours, double theirs) =>
        theirs < 0.1 ? $"{Number(ours * 1000)} / {Number(theirs * 1000)} ms" : $"{Two(ours)} / {Two(theirs)} s";

    private static string Number(double value) => value.ToString(value < 10 ? "0.0" : "0", CultureInfo.InvariantCulture);
}
