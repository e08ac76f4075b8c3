namespace BlockUring.Qmp.Commands.Snapshots;

/// <summary>Arguments of blockdev-snapshot-internal-sync ("BlockdevSnapshotInternal").</summary>
/// <param name="Device">The node.</param>
/// <param name="Name">The snapshot.</param>
internal sealed record InternalSnapshotArguments(string Device, string Name);
