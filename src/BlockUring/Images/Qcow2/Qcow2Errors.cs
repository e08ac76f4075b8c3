using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>The errors that several parts of the format raise.</summary>
internal static class Qcow2Errors
{
    /// <summary>The image breaks the format's rules at a guest or host offset.</summary>
    public static BlockException Corrupt(string path, long offset, string what) =>
        new(BlockErrorKind.Corrupt, $"Image '{path}' is corrupt: {what}", Errno.EIO) { Path = path, Offset = offset };

    public static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message, Errno.EINVAL);

    public static BlockException Limit(string message) => new(BlockErrorKind.Limit, message, Errno.EFBIG);

    public static BlockException Unsupported(string message) => new(BlockErrorKind.Unsupported, message, Errno.ENOTSUP);
}
