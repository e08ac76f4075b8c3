using System.Text.Json;
using BlockUring.Compare.Measuring;

namespace BlockUring.Compare.Reports;

/// <summary>The report as JSON: every sample, so that others can judge anew.</summary>
internal static class JsonReport
{
    private static readonly JsonSerializerOptions _format = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static void Write(Report report, string path) => File.WriteAllText(path, JsonSerializer.Serialize(Shape(report), _format) + "\n");

    private static object Shape(Report report) => new
    {
        report.Host,
        report.Options.SelfCheck,
        report.Options.SizeBytes,
        report.Options.CompressedSizeBytes,
        report.Options.PairCount,
        report.Options.Seed,
        Report.Durability,
        Report.Method,
        report.Stages,
        report.Notes,
        report.IsInterrupted,
        Rows = report.Rows.Select(ShapeRow),
    };

    private static object ShapeRow(Comparison row) => new
    {
        row.Stage,
        Case = row.Case.Name,
        Opponent = row.Opponent.Name,
        row.GuestBytes,
        row.Problem,
        Metrics = row.Subject is null ? null : Figures.Metrics.ToDictionary(
            metric => JsonNamingPolicy.CamelCase.ConvertName(metric.ToString()),
            metric => new
            {
                Ratio = row.RatioOf(metric),
                Target = row.TargetOf(metric),
                IsTargetMet = row.TargetOf(metric) is { } target && row.RatioOf(metric) is { } ratio ? !Figures.Misses(target, ratio) : (bool?)null,
            }),
        row.TargetSizeRatio,
        row.PeerSpread,
        row.IsNoisy,
        Subject = ShapeSide(row, row.Subject),
        Peer = ShapeSide(row, row.Peer),
    };

    private static object? ShapeSide(Comparison row, Side? side) => side is null ? null : new
    {
        side.Command,
        WallSeconds = side.Values(Metric.Wall),
        CpuSeconds = side.Values(Metric.Cpu),
        PeakMemoryMiB = side.Values(Metric.Memory),
        side.SystemCalls,
        SystemCallsPerGiB = row.Case.IsWithoutData ? null : row.SystemCallsOf(side),
        side.TargetBytes,
    };
}
