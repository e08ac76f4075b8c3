namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of drive-backup ("DriveBackup"): the target is a file.</summary>
internal sealed record DriveBackupArguments : BackupArguments
{
    public string? Format { get; init; }

    public string? Mode { get; init; }
}
