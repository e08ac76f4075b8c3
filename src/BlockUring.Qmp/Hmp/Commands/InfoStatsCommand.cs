namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>info blockstats.</summary>
internal sealed class InfoStatsCommand() : HmpCommand("info blockstats", "", "", "show block device statistics")
{
    private static readonly string[] Counters =
    [
        "rd_bytes", "wr_bytes", "rd_operations", "wr_operations", "flush_operations", "wr_total_time_ns", "rd_total_time_ns",
        "flush_total_time_ns", "rd_merged", "wr_merged", "idle_time_ns",
    ];

    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call)
    {
        foreach (var entry in (await call.RunQmpAsync("query-blockstats", ("query-nodes", true))).EnumerateArray())
        {
            if (!entry.TryGetProperty("node-name", out var name))
                continue;
            var stats = entry.GetProperty("stats");
            var counts = Counters.Where(c => stats.TryGetProperty(c, out _)).Select(c => $" {c}={stats.GetProperty(c)}");
            call.Print($"{name.GetString()}:{string.Concat(counts)}");
        }
    }
}
