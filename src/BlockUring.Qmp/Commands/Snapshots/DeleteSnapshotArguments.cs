namespace BlockUring.Qmp.Commands.Snapshots;

/// <summary>Arguments of blockdev-snapshot-delete-internal-sync.</summary>
/// <param name="Device">The node.</param>
/// <param name="Id">The snapshot's identifier.</param>
/// <param name="Name">The snapshot's name.</param>
internal sealed record DeleteSnapshotArguments(string Device, string? Id = null, string? Name = null);
