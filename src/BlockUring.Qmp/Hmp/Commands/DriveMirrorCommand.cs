namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>drive_mirror.</summary>
internal sealed class DriveMirrorCommand() : HmpCommand(
    "drive_mirror",
    "reuse:-n,full:-f,device:B,target:s,format:s?",
    "[-n] [-f] device target [format]",
    "initiates live storage migration for a device (-n: the target exists; -f: the whole disk)")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call) => await call.RunQmpAsync(
        "drive-mirror",
        ("job-id", call.Arguments["device"]),
        ("device", call.Arguments["device"]),
        ("target", call.Arguments["target"]),
        ("format", call.Arguments["format"]),
        ("sync", call.Arguments.Has("full") ? "full" : "top"),
        ("mode", call.Arguments.Has("reuse") ? "existing" : "absolute-paths"));
}
