namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>drive_backup.</summary>
internal sealed class DriveBackupCommand() : HmpCommand(
    "drive_backup",
    "reuse:-n,full:-f,compress:-c,device:B,target:s,format:s?",
    "[-n] [-f] [-c] device target [format]",
    "initiates a point-in-time copy (-n: the target exists; -f: the whole disk; -c: compress)")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call) => await call.RunQmpAsync(
        "drive-backup",
        ("job-id", call.Arguments["device"]),
        ("device", call.Arguments["device"]),
        ("target", call.Arguments["target"]),
        ("format", call.Arguments["format"]),
        ("sync", call.Arguments.Has("full") ? "full" : "top"),
        ("mode", call.Arguments.Has("reuse") ? "existing" : "absolute-paths"),
        ("compress", call.Arguments.Has("compress")));
}
