namespace BlockUring.Storage;

/// <summary>The image locks of one open file whose use changes while it is open.</summary>
internal sealed class HeldLocks
{
    private readonly int descriptor;
    private readonly string path;
    private ImagePermissions needed;
    private ImagePermissions unshared;

    public HeldLocks(int descriptor, string path)
    {
        this.descriptor = descriptor;
        this.path = path;
    }

    /// <summary>Takes what is new, and then gives back what is no longer wanted; when somebody objects, what was held before is still held.</summary>
    public void Set(ImagePermissions wanted, ImagePermissions refused)
    {
        var (more, less) = (wanted & ~needed, needed & ~wanted);
        var (stricter, looser) = (refused & ~unshared, unshared & ~refused);
        try
        {
            ImageLock.Acquire(descriptor, path, "", more, stricter);
        }
        catch
        {
            ImageLock.Release(descriptor, more, stricter);
            throw;
        }

        ImageLock.Release(descriptor, less, looser);
        (needed, unshared) = (wanted, refused);
    }
}
