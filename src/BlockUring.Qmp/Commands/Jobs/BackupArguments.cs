namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of blockdev-backup ("BlockdevBackup").</summary>
internal sealed record BackupArguments(
    string Device,
    string Sync,
    string Target,
    string? JobId = null,
    long? Speed = null,
    string? Bitmap = null,
    string? BitmapMode = null,
    bool? Compress = null,
    string? OnSourceError = null,
    string? OnTargetError = null,
    bool? AutoFinalize = null,
    bool? AutoDismiss = null,
    string? OnCbwError = null,
    string? FilterNodeName = null,
    bool? DiscardSource = null,
    BackupPerfArguments? XPerf = null);
