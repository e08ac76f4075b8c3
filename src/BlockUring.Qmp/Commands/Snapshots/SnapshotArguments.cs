namespace BlockUring.Qmp.Commands.Snapshots;

/// <summary>Arguments of blockdev-snapshot ("BlockdevSnapshot").</summary>
/// <param name="Node">The node that gets the overlay.</param>
/// <param name="Overlay">The overlay, without a backing node.</param>
internal sealed record SnapshotArguments(string Node, string Overlay);
