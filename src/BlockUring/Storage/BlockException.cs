using BlockUring.Native.Interop;

namespace BlockUring.Storage;

/// <summary>
/// A failure that somebody outside can cause: bad input, a failing device, a full disk. The message is complete and fit to print.
/// A broken invariant is never one of these.
/// </summary>
public sealed class BlockException : Exception
{
    /// <summary>Makes an error with its whole message.</summary>
    /// <param name="kind">What went wrong.</param>
    /// <param name="message">The whole message, without the program's name and without a final full stop.</param>
    /// <param name="errno">The system's error number, 0 when there is none.</param>
    /// <param name="inner">The error this one explains, if any.</param>
    public BlockException(BlockErrorKind kind, string message, int errno = 0, Exception? inner = null)
        : base(message, inner)
    {
        Kind = kind;
        ErrorNumber = errno;
    }

    /// <summary>What went wrong, coarsely.</summary>
    public BlockErrorKind Kind { get; }

    /// <summary>The system's error number, 0 when there is none.</summary>
    public int ErrorNumber { get; }

    /// <summary>The file, as the user named it; null when unknown.</summary>
    public string? Path { get; init; }

    /// <summary>The byte offset in <see cref="Path"/>, -1 when there is none.</summary>
    public long Offset { get; init; } = -1;

    /// <summary>An error of a system call on a file: "OPERATION PATH at offset N: strerror".</summary>
    /// <param name="errno">The error number, positive.</param>
    /// <param name="operation">What was attempted, as a phrase: "Could not read".</param>
    /// <param name="path">The file, as the user named it.</param>
    /// <param name="offset">The byte offset, -1 for none.</param>
    public static BlockException FromErrno(int errno, string operation, string path, long offset = -1)
    {
        var where = offset >= 0 ? $" at offset {offset}" : "";
        return new BlockException(KindOf(errno), $"{operation} '{path}'{where}: {Errno.Message(errno)}", errno)
        {
            Path = path,
            Offset = offset,
        };
    }

    /// <summary>The kind that an error number stands for.</summary>
    public static BlockErrorKind KindOf(int errno) => errno switch
    {
        Errno.ENOSPC or Errno.EFBIG => BlockErrorKind.NoSpace,
        Errno.ENOENT or Errno.ENODEV => BlockErrorKind.NotFound,
        Errno.EACCES or Errno.EPERM or Errno.EROFS or Errno.EBADF => BlockErrorKind.Access,
        Errno.EINVAL or Errno.EISDIR or Errno.ENOTDIR or Errno.ERANGE => BlockErrorKind.Invalid,
        Errno.EOPNOTSUPP or Errno.ENOSYS or Errno.ENOTTY => BlockErrorKind.Unsupported,
        Errno.ECANCELED => BlockErrorKind.Cancelled,
        Errno.EAGAIN or Errno.EBUSY => BlockErrorKind.Locked,
        Errno.ENOMEM => BlockErrorKind.Limit,
        _ => BlockErrorKind.Io,
    };
}
