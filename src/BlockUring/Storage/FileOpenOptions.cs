namespace BlockUring.Storage;

/// <summary>How a file is opened.</summary>
/// <param name="ReadOnly">Whether writes will be refused.</param>
/// <param name="Cache">Cache mode; null means <see cref="CacheMode.Writeback"/>.</param>
/// <param name="ForceShare">Read although another process writes (qemu-img's -U); only with <paramref name="ReadOnly"/>.</param>
/// <param name="ShareWrite">Whether other writers are tolerated (a backing file's reader does not care about resize, say); false locks them out.</param>
public sealed record FileOpenOptions(bool ReadOnly = true, CacheMode? Cache = null, bool ForceShare = false, bool ShareWrite = false)
{
    /// <summary>The cache mode in force.</summary>
    public CacheMode CacheInForce => Cache ?? CacheMode.Writeback;

    /// <summary>Whether image locks are taken at all ("file.locking=off" turns them off).</summary>
    public bool Locking { get; init; } = true;

    /// <summary>Whether locks are taken and given back by <see cref="BlockFile.SetPermissions"/>, and none at opening.</summary>
    public bool LocksFollowUse { get; init; }
}
