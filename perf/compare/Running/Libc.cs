using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace BlockUring.Compare.Running;

/// <summary>The few system calls that .NET does not offer.</summary>
internal static class Libc
{
    public const int SetChildSubreaper = 36;
    public const int SigKill = 9;
    public const int DontNeed = 4;
    public const int SeekData = 3;
    public const int SeekHole = 4;
    public const int InterruptedErrno = 4;
    public const int NoSuchAddressErrno = 6;

    /// <summary>struct rusage of a 64-bit Linux: every field is a long.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ResourceUsage
    {
        public long UserSeconds;
        public long UserMicroseconds;
        public long SystemSeconds;
        public long SystemMicroseconds;
        public long MaxResidentKiB;
        private readonly long _sharedText, _unsharedData, _unsharedStack;
        public long MinorFaults;
        public long MajorFaults;
        private readonly long _swaps, _inBlocks, _outBlocks, _messagesSent, _messagesReceived, _signals;
        public long VoluntarySwitches;
        public long InvoluntarySwitches;
    }

    [DllImport("libc", EntryPoint = "wait4", SetLastError = true)]
    public static extern int Wait4(int processId, out int status, int options, out ResourceUsage usage);

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static extern int Kill(int processId, int signal);

    [DllImport("libc", EntryPoint = "prctl", SetLastError = true)]
    public static extern int Prctl(int option, nuint value, nuint unused2, nuint unused3, nuint unused4);

    [DllImport("libc", EntryPoint = "posix_fadvise", SetLastError = true)]
    public static extern int FileAdvise(SafeFileHandle file, long offset, long length, int advice);

    [DllImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static extern long Seek(SafeFileHandle file, long offset, int whence);

    [DllImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    public static extern int SyncFileSystem(SafeFileHandle file);
}
