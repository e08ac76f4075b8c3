using System.Runtime.InteropServices;

namespace BlockUring.Native.Interop;

/// <summary>System calls on the process itself. Each returns -1 and sets errno on failure.</summary>
internal static partial class ProcessKernel
{
    private const string C = "libc.so.6";

    [LibraryImport(C, EntryPoint = "setsid", SetLastError = true)]
    public static partial int StartSession();

    [LibraryImport(C, EntryPoint = "dup2", SetLastError = true)]
    public static partial int Duplicate(int from, int to);
}
