using System.Runtime.InteropServices;
using Tmds.Linux;

namespace BlockUring.Native.Interop;

/// <summary>System calls that Tmds.LibC lacks or binds in a way that does not fit here. Each returns -1 and sets errno on failure.</summary>
internal static unsafe partial class Kernel
{
    private const string C = "libc.so.6";

    // The number is the same on every architecture (asm-generic/unistd.h).
    private const nint IoUringEnterNumber = 426;

    /// <summary>io_uring_enter(2) with the six arguments of the kernel's interface.</summary>
    public static int IoUringEnter(int ringFd, uint toSubmit, uint minComplete, uint flags, void* argument, nuint argumentLength)
    {
        return (int)Syscall6(IoUringEnterNumber, ringFd, (nint)toSubmit, (nint)minComplete, (nint)flags, (nint)argument, (nint)argumentLength);
    }

    public static int IoUringSetup(uint entries, IoUringParams* parameters) =>
        LibC.io_uring_setup(entries, (io_uring_params*)parameters);

    public static int IoUringRegister(int ringFd, uint opcode, void* argument, uint count) =>
        LibC.io_uring_register(ringFd, opcode, argument, count);

    [LibraryImport(C, EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Syscall6(nint number, nint a, nint b, nint c, nint d, nint e, nint f);
}
