using BlockUring.Native.Interop;
using BlockUring.Nbd.Wire;
using BlockUring.Storage;

namespace BlockUring.Nbd.Server;

/// <summary>What the wire calls a failure.</summary>
internal static class NbdFailure
{
    /// <summary>The number of a failed request of the engine, as QEMU maps errors.</summary>
    public static NbdError Of(BlockException e) => e.ErrorNumber == 0 ? OfKind(e.Kind) : OfErrno(e.ErrorNumber);

    private static NbdError OfErrno(int errno) => errno switch
    {
        Errno.EPERM or Errno.EROFS => NbdError.NotPermitted,
        Errno.EIO => NbdError.Io,
        Errno.ENOMEM => NbdError.NoMemory,
        Errno.EDQUOT or Errno.EFBIG or Errno.ENOSPC => NbdError.NoSpace,
        Errno.EOVERFLOW => NbdError.Overflow,
        Errno.EOPNOTSUPP => NbdError.NotSupported,
        Errno.ESHUTDOWN => NbdError.Shutdown,
        _ => NbdError.Invalid,
    };

    private static NbdError OfKind(BlockErrorKind kind) => kind switch
    {
        BlockErrorKind.NoSpace => NbdError.NoSpace,
        BlockErrorKind.Access => NbdError.NotPermitted,
        BlockErrorKind.Invalid => NbdError.Invalid,
        BlockErrorKind.Unsupported => NbdError.NotSupported,
        BlockErrorKind.Limit => NbdError.NoMemory,
        BlockErrorKind.Cancelled => NbdError.Shutdown,
        _ => NbdError.Io,
    };
}
