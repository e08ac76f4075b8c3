using System.Text.Json;
using System.Text.Json.Serialization;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>Counters ("BlockDeviceStats"). Requests are counted at devices, so those of nodes are zero, as in QEMU.</summary>
internal sealed record DeviceStatsResult
{
    [JsonPropertyName("rd_bytes")]
    public long ReadBytes { get; init; }

    [JsonPropertyName("wr_bytes")]
    public long WrittenBytes { get; init; }

    [JsonPropertyName("unmap_bytes")]
    public long UnmappedBytes { get; init; }

    [JsonPropertyName("rd_operations")]
    public long Reads { get; init; }

    [JsonPropertyName("wr_operations")]
    public long Writes { get; init; }

    [JsonPropertyName("flush_operations")]
    public long Flushes { get; init; }

    [JsonPropertyName("unmap_operations")]
    public long Unmaps { get; init; }

    [JsonPropertyName("rd_total_time_ns")]
    public long ReadTime { get; init; }

    [JsonPropertyName("wr_total_time_ns")]
    public long WriteTime { get; init; }

    [JsonPropertyName("flush_total_time_ns")]
    public long FlushTime { get; init; }

    [JsonPropertyName("unmap_total_time_ns")]
    public long UnmapTime { get; init; }

    [JsonPropertyName("wr_highest_offset")]
    public long HighestWritten { get; init; }

    [JsonPropertyName("rd_merged")]
    public long MergedReads { get; init; }

    [JsonPropertyName("wr_merged")]
    public long MergedWrites { get; init; }

    [JsonPropertyName("unmap_merged")]
    public long MergedUnmaps { get; init; }

    [JsonPropertyName("failed_rd_operations")]
    public long FailedReads { get; init; }

    [JsonPropertyName("failed_wr_operations")]
    public long FailedWrites { get; init; }

    [JsonPropertyName("failed_flush_operations")]
    public long FailedFlushes { get; init; }

    [JsonPropertyName("failed_unmap_operations")]
    public long FailedUnmaps { get; init; }

    [JsonPropertyName("invalid_rd_operations")]
    public long InvalidReads { get; init; }

    [JsonPropertyName("invalid_wr_operations")]
    public long InvalidWrites { get; init; }

    [JsonPropertyName("invalid_flush_operations")]
    public long InvalidFlushes { get; init; }

    [JsonPropertyName("invalid_unmap_operations")]
    public long InvalidUnmaps { get; init; }

    [JsonPropertyName("idle_time_ns")]
    public long? IdleTime { get; init; }

    [JsonPropertyName("account_invalid")]
    public bool CountsInvalid { get; init; }

    [JsonPropertyName("account_failed")]
    public bool CountsFailed { get; init; }

    [JsonPropertyName("timed_stats")]
    public IReadOnlyList<JsonElement> Timed { get; init; } = [];

    [JsonPropertyName("rd_latency_histogram")]
    public JsonElement? ReadLatencies { get; init; }

    [JsonPropertyName("wr_latency_histogram")]
    public JsonElement? WriteLatencies { get; init; }

    [JsonPropertyName("flush_latency_histogram")]
    public JsonElement? FlushLatencies { get; init; }
}
