namespace BlockUring.Images.Qcow2;

/// <summary>What a snapshot table holds.</summary>
/// <param name="Snapshots">All entries in order.</param>
/// <param name="Length">Bytes of the table.</param>
internal sealed record SnapshotTableContent(IReadOnlyList<Qcow2Snapshot> Snapshots, long Length)
{
    /// <summary>A table without entries.</summary>
    public static SnapshotTableContent None { get; } = new([], 0);
}
