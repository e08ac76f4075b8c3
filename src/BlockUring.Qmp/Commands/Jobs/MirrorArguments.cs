namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments that blockdev-mirror and drive-mirror have in common.</summary>
internal abstract record MirrorArguments
{
    public required string Device { get; init; }

    public required string Target { get; init; }

    public required string Sync { get; init; }

    public string? JobId { get; init; }

    public string? Replaces { get; init; }

    public long? Speed { get; init; }

    public uint? Granularity { get; init; }

    public long? BufSize { get; init; }

    public string? Bitmap { get; init; }

    public string? BitmapMode { get; init; }

    public string? OnSourceError { get; init; }

    public string? OnTargetError { get; init; }

    public string? CopyMode { get; init; }

    public bool? AutoFinalize { get; init; }

    public bool? AutoDismiss { get; init; }
}
