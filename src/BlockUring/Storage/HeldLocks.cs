using BlockUring.Native.Interop;

namespace BlockUring.Storage;

/// <summary>The image locks of one open file whose use changes while it is open.</summary>
/// <remarks>
/// They are taken on a second open of the file. Why: a ring holds the files that were registered with it for a moment longer than the process
/// lives, and whoever starts again after a kill would find the image locked.
/// </remarks>
internal sealed class HeldLocks : IDisposable
{
    private readonly int descriptor;
    private readonly bool ownsDescriptor;
    private readonly string path;
    private ImagePermissions needed;
    private ImagePermissions unshared;

    /// <param name="descriptor">The open file; stays the caller's.</param>
    /// <param name="path">Its name, for messages.</param>
    public HeldLocks(int descriptor, string path)
    {
        var second = FileSystemCalls.Open($"/proc/self/fd/{descriptor}", OpenFlags.None);
        ownsDescriptor = second >= 0;
        this.descriptor = ownsDescriptor ? second : descriptor;
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

    /// <summary>Gives all of them back.</summary>
    public void Dispose()
    {
        ImageLock.ReleaseAll(descriptor);
        if (ownsDescriptor)
            FileSystemCalls.Close(descriptor);
    }
}
