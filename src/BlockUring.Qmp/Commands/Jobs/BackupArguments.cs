namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of blockdev-backup ("BlockdevBackup").</summary>
internal record BackupArguments
{
    public required string Device { get; init; }

    public required string Sync { get; init; }

    public required string Target { get; init; }

    public string? JobId { get; init; }

    public long? Speed { get; init; }

    public string? Bitmap { get; init; }

    public string? BitmapMode { get; init; }

    public bool? Compress { get; init; }

    public string? OnSourceError { get; init; }

    public string? OnTargetError { get; init; }

    public bool? AutoFinalize { get; init; }

    public bool? AutoDismiss { get; init; }

    public string? OnCbwError { get; init; }

    public string? FilterNodeName { get; init; }

    public bool? DiscardSource { get; init; }

    public BackupPerfArguments? XPerf { get; init; }
}
