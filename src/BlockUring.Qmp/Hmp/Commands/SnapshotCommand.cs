namespace BlockUring.Qmp.Hmp.Commands;

/// <summary>snapshot_blkdev. The overlay's node is named after the file, since nobody says another name.</summary>
internal sealed class SnapshotCommand() : HmpCommand(
    "snapshot_blkdev",
    "reuse:-n,device:B,snapshot-file:s?,format:s?",
    "[-n] device [new-image-file] [format]",
    "initiates a live snapshot of device (-n: the new image exists)")
{
    /// <inheritdoc/>
    public override async ValueTask RunAsync(HmpCall call)
    {
        if (call.Arguments["snapshot-file"] is not { } file)
            throw new QmpException("Parameter 'snapshot-file' is missing");
        var device = call.Arguments["device"]!;
        await call.RunQmpAsync(
            "blockdev-snapshot-sync",
            ("node-name", device),
            ("snapshot-file", file),
            ("snapshot-node-name", Path.GetFileNameWithoutExtension(file)),
            ("format", call.Arguments["format"]),
            ("mode", call.Arguments.Has("reuse") ? "existing" : "absolute-paths"));
    }
}
