namespace BlockUring.Images.Qcow2;

/// <summary>Clusters in a row that no table in memory points to any more.</summary>
/// <param name="HostOffset">The first.</param>
/// <param name="Count">How many.</param>
/// <param name="Discards">Whether the file below may forget their content when they become free.</param>
internal readonly record struct FreedClusters(long HostOffset, long Count, bool Discards)
{
    /// <summary>This run and the one that follows, where it does.</summary>
    public FreedClusters? TryExtend(long hostOffset, long count, bool discards, int clusterBits) =>
        discards == Discards && hostOffset == HostOffset + (Count << clusterBits) ? this with { Count = Count + count } : null;
}
