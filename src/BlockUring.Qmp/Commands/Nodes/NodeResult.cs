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
    public int BackingFileDepth { get; init; }

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

    public required CacheResult Cache { get; init; }

    [JsonPropertyName("write_threshold")]
    public long WriteThreshold { get; init; }

    public IReadOnlyList<BitmapResult>? DirtyBitmaps { get; init; }
}
