using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Reasons in the words of qemu-img, which mostly prints the system's text for the error number.</summary>
internal static class ErrorText
{
    /// <summary>The system's text where there is an error number, else the whole message.</summary>
    public static string OfCause(BlockException e) => e.ErrorNumber != 0 ? Errno.Message(e.ErrorNumber) : e.Message;
}
