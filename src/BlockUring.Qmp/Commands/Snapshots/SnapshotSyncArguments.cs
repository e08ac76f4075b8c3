namespace BlockUring.Qmp.Commands.Snapshots;

/// <summary>Arguments of blockdev-snapshot-sync ("BlockdevSnapshotSync").</summary>
/// <param name="SnapshotFile">The overlay's file.</param>
/// <param name="Device">The name of a device, of which there are none here.</param>
/// <param name="NodeName">The node that gets the overlay.</param>
/// <param name="SnapshotNodeName">The overlay's name.</param>
/// <param name="Format">The overlay's format; qcow2 by default.</param>
/// <param name="Mode">Whether the file is there or is to be made.</param>
internal sealed record SnapshotSyncArguments(
    string SnapshotFile,
    string? Device = null,
    string? NodeName = null,
    string? SnapshotNodeName = null,
    string? Format = null,
    string? Mode = null);
