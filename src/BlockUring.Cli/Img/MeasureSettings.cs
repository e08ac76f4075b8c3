namespace BlockUring.Cli.Img;

/// <summary>What `img measure` is told.</summary>
internal sealed class MeasureSettings : CommonSettings
{
    /// <summary>The target's format.</summary>
    public string TargetFormat { get; set; } = "raw";

    /// <summary>All -o values, joined.</summary>
    public string? Options { get; set; }

    /// <summary>The internal snapshot to measure, null for the current content.</summary>
    public SnapshotChoice? Snapshot { get; set; }

    /// <summary>Guest size in bytes, null when an image is measured.</summary>
    public long? Size { get; set; }
}
