using System.Text.Json.Serialization;

namespace BlockUring.Qmp.Commands.Nodes;

/// <summary>What queries answer of a node ("BlockDeviceInfo").</summary>
internal sealed record NodeResult
{
    public required string File { get; init; }

    public string? NodeName { get; init; }

    public required bool Ro { get; init; }

    public required string Drv { get; init; }

    [JsonPropertyName("backing_file")]
    public string? BackingFile { get; init; }

    [JsonPropertyName("backing_file_depth")]
    public long BackingFileDepth { get; init; }

    public bool Encrypted { get; init; }

    [JsonPropertyName("detect_zeroes")]
    public required string DetectZeroes { get; init; }

    // Why zeroes: limits of devices; a node has limits only by a throttle node above it.
    public long Bps { get; init; }

    [JsonPropertyName("bps_rd")]
    public long BpsRead { get; init; }

    [JsonPropertyName("bps_wr")]
    public long BpsWrite { get; init; }

    public long Iops { get; init; }

    [JsonPropertyName("iops_rd")]
    public long IopsRead { get; init; }

    [JsonPropertyName("iops_wr")]
    public long IopsWrite { get; init; }

    public required ImageResult Image { get; init; }

    [JsonPropertyName("bps_max")]
    public long? BpsMax { get; init; }

    [JsonPropertyName("bps_rd_max")]
    public long? BpsReadMax { get; init; }

    [JsonPropertyName("bps_wr_max")]
    public long? BpsWriteMax { get; init; }

    [JsonPropertyName("iops_max")]
    public long? IopsMax { get; init; }

    [JsonPropertyName("iops_rd_max")]
    public long? IopsReadMax { get; init; }

    [JsonPropertyName("iops_wr_max")]
    public long? IopsWriteMax { get; init; }

    [JsonPropertyName("bps_max_length")]
    public long? BpsMaxLength { get; init; }

    [JsonPropertyName("bps_rd_max_length")]
    public long? BpsReadMaxLength { get; init; }

    [JsonPropertyName("bps_wr_max_length")]
    public long? BpsWriteMaxLength { get; init; }

    [JsonPropertyName("iops_max_length")]
    public long? IopsMaxLength { get; init; }

    [JsonPropertyName("iops_rd_max_length")]
    public long? IopsReadMaxLength { get; init; }

    [JsonPropertyName("iops_wr_max_length")]
    public long? IopsWriteMaxLength { get; init; }

    [JsonPropertyName("iops_size")]
    public long? IopsSize { get; init; }

    public string? Group { get; init; }

    public required CacheResult Cache { get; init; }

    [JsonPropertyName("write_threshold")]
    public long WriteThreshold { get; init; }

    public IReadOnlyList<BitmapResult>? DirtyBitmaps { get; init; }
}
