using System.Runtime.InteropServices;

namespace BlockUring.Native.Interop;

/// <summary>struct flock of asm-generic/fcntl.h with 64-bit offsets.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FileLockRecord
{
    public const short ReadLock = 0;
    public const short WriteLock = 1;
    public const short Unlock = 2;

    public short Type;
    public short Whence;
    public long Start;
    public long Length;
    public int Process;
}
