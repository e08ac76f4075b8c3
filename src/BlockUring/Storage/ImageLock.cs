using BlockUring.Native.Interop;

namespace BlockUring.Storage;

/// <summary>
/// Image locks after QEMU's convention, so that its processes and these keep each other out: for permission number n a shared lock (OFD) on
/// byte 100 + n says that it is held, one on byte 200 + n that it is not shared.
/// </summary>
internal static class ImageLock
{
    private const int HeldBase = 100;
    private const int UnsharedBase = 200;

    private static readonly string[] Names = ["consistent read", "write", "write unchanged", "resize"];

    /// <summary>The permissions that a way of opening needs, as QEMU's tools take them.</summary>
    public static ImagePermissions NeededBy(FileOpenOptions options)
    {
        if (options.ReadOnly)
            return ImagePermissions.ConsistentRead;
        var writing = ImagePermissions.ConsistentRead | ImagePermissions.Write;
        return options.ShareWrite ? writing : writing | ImagePermissions.Resize;
    }

    /// <summary>The permissions that a way of opening leaves to nobody else.</summary>
    public static ImagePermissions UnsharedBy(FileOpenOptions options) =>
        options.ForceShare || options.ShareWrite ? ImagePermissions.None : ImagePermissions.Write | ImagePermissions.Resize;

    /// <summary>Takes locks: first says what is needed and not shared, then looks whether anybody objects.</summary>
    /// <param name="descriptor">The open image file.</param>
    /// <param name="path">Its name, for messages.</param>
    /// <param name="prefix">What a message starts with: "Could not open 'x': ".</param>
    /// <param name="needed">Permissions that the caller uses.</param>
    /// <param name="unshared">Permissions that others must not use.</param>
    /// <exception cref="BlockException">Somebody objects; the locks taken go when the descriptor is closed.</exception>
    public static void Acquire(int descriptor, string path, string prefix, ImagePermissions needed, ImagePermissions unshared)
    {
        ForEach(needed, n => Take(descriptor, HeldBase + n, path, prefix));
        ForEach(unshared, n => Take(descriptor, UnsharedBase + n, path, prefix));
        ForEach(needed, n => Check(descriptor, UnsharedBase + n, path, $"{prefix}Failed to get \"{Names[n]}\" lock"));
        ForEach(unshared, n => Check(descriptor, HeldBase + n, path, $"{prefix}Failed to get shared \"{Names[n]}\" lock"));
    }

    /// <summary>Gives back what is no longer needed, or shared from now on.</summary>
    public static void Release(int descriptor, ImagePermissions needed, ImagePermissions unshared)
    {
        ForEach(needed, n => FileSystemCalls.Unlock(descriptor, HeldBase + n));
        ForEach(unshared, n => FileSystemCalls.Unlock(descriptor, UnsharedBase + n));
    }

    /// <summary>Gives everything back.</summary>
    /// <remarks>
    /// Why: a ring drops its reference to a registered file some time after the descriptor is closed, and locks live as long as that.
    /// </remarks>
    public static void ReleaseAll(int descriptor) =>
        FileSystemCalls.Unlock(descriptor, HeldBase, UnsharedBase + Names.Length - HeldBase);

    private static void ForEach(ImagePermissions permissions, Action<int> act)
    {
        for (var n = 0; n < Names.Length; n++)
        {
            if (((int)permissions >> n & 1) != 0)
                act(n);
        }
    }

    private static void Take(int descriptor, int lockByte, string path, string prefix)
    {
        var answer = FileSystemCalls.LockShared(descriptor, lockByte);
        if (answer < 0)
            throw Fail($"{prefix}Failed to lock byte {lockByte}", -answer, path, "");
    }

    private static void Check(int descriptor, int lockByte, string path, string message)
    {
        var answer = FileSystemCalls.TestExclusive(descriptor, lockByte);
        if (answer >= 0)
            return;
        var holder = LockHolder.Find(descriptor, lockByte);
        var named = holder == null ? "" : $"\nIt is used by {holder}.";
        throw Fail(message, -answer, path, $"\nIs another process using the image [{path}]?{named}");
    }

    // As QEMU does: that the lock is taken needs no error number.
    private static BlockException Fail(string message, int errno, string path, string hint)
    {
        var reason = errno is Errno.EAGAIN or Errno.EACCES ? "" : $": {Errno.Message(errno)}";
        return new BlockException(BlockErrorKind.Locked, message + reason + hint, errno) { Path = path };
    }
}
