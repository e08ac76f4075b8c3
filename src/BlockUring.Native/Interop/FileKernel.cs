using System.Runtime.InteropServices;

namespace BlockUring.Native.Interop;

/// <summary>
/// System calls on files. Declared here rather than taken from Tmds.LibC because paths need UTF-8 marshalling and its statx, ioctl numbers
/// and OFD locks are incomplete. Each returns -1 and sets errno on failure.
/// </summary>
internal static unsafe partial class FileKernel
{
    // Numbers of linux/fs.h; the same on x86-64 and arm64.
    public const nuint BLKROGET = 0x125E;
    public const nuint BLKSSZGET = 0x1268;
    public const nuint BLKDISCARD = 0x1277;
    public const nuint BLKPBSZGET = 0x127B;
    public const nuint BLKZEROOUT = 0x127F;
    public const nuint BLKGETSIZE64 = 0x80081272;
    public const nuint FICLONERANGE = 0x4020940D;

    public const int SEEK_END = 2;
    public const int SEEK_DATA = 3;
    public const int SEEK_HOLE = 4;

    public const int F_GETFL = 3;
    public const int F_SETFL = 4;
    public const int F_OFD_GETLK = 36;
    public const int F_OFD_SETLK = 37;

    public const int AT_FDCWD = -100;
    public const int AT_EMPTY_PATH = 0x1000;

    private const string C = "libc.so.6";

    [LibraryImport(C, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags, uint mode);

    [LibraryImport(C, EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport(C, EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Statx(int directory, string path, int flags, uint mask, StatxBuffer* buffer);

    [LibraryImport(C, EntryPoint = "ioctl", SetLastError = true)]
    public static partial int Ioctl(int descriptor, nuint request, void* argument);

    [LibraryImport(C, EntryPoint = "lseek64", SetLastError = true)]
    public static partial long Seek(int descriptor, long offset, int whence);

    [LibraryImport(C, EntryPoint = "ftruncate64", SetLastError = true)]
    public static partial int Truncate(int descriptor, long length);

    [LibraryImport(C, EntryPoint = "pread64", SetLastError = true)]
    public static partial nint ReadAt(int descriptor, void* destination, nuint length, long offset);

    [LibraryImport(C, EntryPoint = "copy_file_range", SetLastError = true)]
    public static partial nint CopyFileRange(int source, long* sourceOffset, int target, long* targetOffset, nuint length, uint flags);

    [LibraryImport(C, EntryPoint = "fcntl64", SetLastError = true)]
    public static partial int Lock(int descriptor, int command, FileLockRecord* record);

    [LibraryImport(C, EntryPoint = "fcntl64", SetLastError = true)]
    public static partial int Control(int descriptor, int command, nint argument);
}
