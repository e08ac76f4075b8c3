namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of drive-backup ("DriveBackup").</summary>
internal sealed record DriveBackupArguments(
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
    BackupPerfArguments? XPerf = null,
    string? Format = null,
    string? Mode = null)
{
    /// <summary>The same without what the target is.</summary>
    public BackupArguments ToBackup() => new(
        Device,
        Sync,
        Target,
        JobId,
        Speed,
        Bitmap,
        BitmapMode,
        Compress,
        OnSourceError,
        OnTargetError,
        AutoFinalize,
        AutoDismiss,
        OnCbwError,
        FilterNodeName,
        DiscardSource,
        XPerf);
}
