using BlockUring.Native.Memory;
using static Tmds.Linux.LibC;

namespace BlockUring.Native.Interop;

/// <summary>
/// System calls on files and block devices, as safe methods. Unless said otherwise each answers 0 or more for success and a negative
/// error number for failure, and throws nothing. Any thread.
/// </summary>
public static unsafe class FileSystemCalls
{
    private const uint TypeMask = 0xF000;

    /// <summary>open(2).</summary>
    /// <returns>A descriptor that the caller closes, or a negative error number.</returns>
    public static int Open(string path, OpenFlags flags)
    {
        var native = O_CLOEXEC | O_NOCTTY;
        native |= flags.HasFlag(OpenFlags.Write) ? O_RDWR : flags.HasFlag(OpenFlags.WriteOnly) ? O_WRONLY : O_RDONLY;
        native |= flags.HasFlag(OpenFlags.Append) ? O_APPEND : 0;
        native |= flags.HasFlag(OpenFlags.Truncate) ? O_TRUNC : 0;
        native |= flags.HasFlag(OpenFlags.Create) ? O_CREAT : 0;
        native |= flags.HasFlag(OpenFlags.Direct) ? O_DIRECT : 0;
        int answer;
        do
            answer = Answer(FileKernel.Open(path, native, 0b110_100_100));
        while (answer == -Errno.EINTR);
        return answer;
    }

    /// <summary>close(2). Releases the image locks of the open file.</summary>
    public static int Close(int descriptor) => Answer(FileKernel.Close(descriptor));

    /// <summary>Lets a file that was opened with O_DIRECT go through the page cache.</summary>
    public static int StopDirect(int descriptor)
    {
        var flags = FileKernel.Control(descriptor, FileKernel.F_GETFL, 0);
        return Answer(flags < 0 ? flags : FileKernel.Control(descriptor, FileKernel.F_SETFL, flags & ~O_DIRECT));
    }

    /// <summary>statx(2) of an open file.</summary>
    public static int Stat(int descriptor, out FileStatus status) => Stat(descriptor, "", FileKernel.AT_EMPTY_PATH, out status);

    /// <summary>statx(2) of a path, following symbolic links.</summary>
    public static int Stat(string path, out FileStatus status) => Stat(FileKernel.AT_FDCWD, path, 0, out status);

    /// <summary>Bytes of a block device (BLKGETSIZE64), or a negative error number.</summary>
    public static long DeviceLength(int descriptor)
    {
        long length;
        return FileKernel.Ioctl(descriptor, FileKernel.BLKGETSIZE64, &length) < 0 ? -Errno.Last : length;
    }

    /// <summary>Where a seek to the end leads (devices without BLKGETSIZE64), in bytes, or a negative error number.</summary>
    public static long EndOffset(int descriptor) => Answer(FileKernel.Seek(descriptor, 0, FileKernel.SEEK_END));

    /// <summary>The logical sector of a block device in bytes (BLKSSZGET).</summary>
    public static int LogicalSectorLength(int descriptor) => IntOf(descriptor, FileKernel.BLKSSZGET);

    /// <summary>The physical sector of a block device in bytes (BLKPBSZGET).</summary>
    public static int PhysicalSectorLength(int descriptor) => IntOf(descriptor, FileKernel.BLKPBSZGET);

    /// <summary>1 when a block device is set read-only (BLKROGET), 0 when not.</summary>
    public static int IsDeviceReadOnly(int descriptor) => IntOf(descriptor, FileKernel.BLKROGET);

    /// <summary>Makes a range of a block device zeroes (BLKZEROOUT); may block for long.</summary>
    /// <param name="descriptor">The device, open for writing.</param>
    /// <param name="offset">Bytes, a multiple of 512.</param>
    /// <param name="length">Bytes, a multiple of 512.</param>
    public static int ZeroOut(int descriptor, long offset, long length) => DeviceRange(descriptor, FileKernel.BLKZEROOUT, offset, length);

    /// <summary>Discards a range of a block device (BLKDISCARD); may block for long.</summary>
    /// <param name="descriptor">The device, open for writing.</param>
    /// <param name="offset">Bytes, a multiple of 512.</param>
    /// <param name="length">Bytes, a multiple of 512.</param>
    public static int Discard(int descriptor, long offset, long length) => DeviceRange(descriptor, FileKernel.BLKDISCARD, offset, length);

    /// <summary>The first byte of data at or after an offset (SEEK_DATA); -ENXIO when only a hole follows.</summary>
    public static long SeekData(int descriptor, long offset) => Answer(FileKernel.Seek(descriptor, offset, FileKernel.SEEK_DATA));

    /// <summary>The first byte of a hole at or after an offset (SEEK_HOLE), the end of the file counting as one; -ENXIO beyond the end.</summary>
    public static long SeekHole(int descriptor, long offset) => Answer(FileKernel.Seek(descriptor, offset, FileKernel.SEEK_HOLE));

    /// <summary>ftruncate(2); may block for long when it frees much.</summary>
    public static int SetLength(int descriptor, long length)
    {
        int answer;
        do
            answer = Answer(FileKernel.Truncate(descriptor, length));
        while (answer == -Errno.EINTR);
        return answer;
    }

    /// <summary>Reads once, blocking: to find out what a file takes.</summary>
    /// <returns>Bytes read, or a negative error number.</returns>
    public static int ReadOnce(int descriptor, long offset, IoMemory destination) =>
        Answer((int)FileKernel.ReadAt(descriptor, destination.Address, (nuint)destination.Length, offset));

    /// <summary>Shares a range between two files of one file system (FICLONERANGE).</summary>
    /// <param name="source">Open for reading.</param>
    /// <param name="sourceOffset">Bytes, a multiple of the file system's block.</param>
    /// <param name="target">Open for writing.</param>
    /// <param name="targetOffset">Bytes, a multiple of the file system's block.</param>
    /// <param name="length">Bytes, a multiple of the block unless the range ends at the end of the source.</param>
    public static int Clone(int source, long sourceOffset, int target, long targetOffset, long length)
    {
        var range = new CloneRange
        {
            SourceDescriptor = source,
            SourceOffset = (ulong)sourceOffset,
            Length = (ulong)length,
            TargetOffset = (ulong)targetOffset,
        };
        return Answer(FileKernel.Ioctl(target, FileKernel.FICLONERANGE, &range));
    }

    /// <summary>Copies inside the kernel, once (copy_file_range); may block for long.</summary>
    /// <returns>Bytes copied (0 at the source's end), or a negative error number.</returns>
    public static long CopyRange(int source, long sourceOffset, int target, long targetOffset, long length) =>
        Answer(FileKernel.CopyFileRange(source, &sourceOffset, target, &targetOffset, (nuint)length, 0));

    /// <summary>Takes a shared lock of the open file description on one byte (F_OFD_SETLK, F_RDLCK); does not wait.</summary>
    public static int LockShared(int descriptor, long offset)
    {
        var record = new FileLockRecord { Type = FileLockRecord.ReadLock, Start = offset, Length = 1 };
        return Answer(FileKernel.Lock(descriptor, FileKernel.F_OFD_SETLK, &record));
    }

    /// <summary>Takes an exclusive lock of the open file description on the whole file (F_OFD_SETLK, F_WRLCK); does not wait.</summary>
    public static int LockWhole(int descriptor)
    {
        var record = new FileLockRecord { Type = FileLockRecord.WriteLock };
        return Answer(FileKernel.Lock(descriptor, FileKernel.F_OFD_SETLK, &record));
    }

    /// <summary>Gives the locks on some bytes back.</summary>
    public static int Unlock(int descriptor, long offset, long length = 1)
    {
        var record = new FileLockRecord { Type = FileLockRecord.Unlock, Start = offset, Length = length };
        return Answer(FileKernel.Lock(descriptor, FileKernel.F_OFD_SETLK, &record));
    }

    /// <summary>Whether another open file holds any lock on a byte (F_OFD_GETLK for F_WRLCK): 0 when none does, -EAGAIN when one does.</summary>
    public static int TestExclusive(int descriptor, long offset)
    {
        var record = new FileLockRecord { Type = FileLockRecord.WriteLock, Start = offset, Length = 1 };
        var answer = Answer(FileKernel.Lock(descriptor, FileKernel.F_OFD_GETLK, &record));
        if (answer < 0)
            return answer;
        return record.Type == FileLockRecord.Unlock ? 0 : -Errno.EAGAIN;
    }

    private static int Stat(int directory, string path, int flags, out FileStatus status)
    {
        StatxBuffer buffer = default;
        var answer = Answer(FileKernel.Statx(directory, path, flags, StatxBuffer.BasicStats | StatxBuffer.DirectAlignment, &buffer));
        status = answer < 0
            ? default
            : new FileStatus(
                KindOf(buffer.Mode),
                (long)buffer.Length,
                (long)buffer.SectorCount * 512,
                (int)buffer.BlockLength,
                buffer.Inode,
                buffer.DeviceMajor,
                buffer.DeviceMinor,
                (buffer.Mask & StatxBuffer.DirectAlignment) != 0,
                (int)buffer.DirectMemoryAlignment,
                (int)buffer.DirectOffsetAlignment);
        return answer;
    }

    private static FileKind KindOf(ushort mode) => (mode & TypeMask) switch
    {
        0x1000 => FileKind.Fifo,
        0x2000 => FileKind.CharacterDevice,
        0x4000 => FileKind.Directory,
        0x6000 => FileKind.BlockDevice,
        0x8000 => FileKind.Regular,
        0xC000 => FileKind.Socket,
        _ => FileKind.Other,
    };

    private static int IntOf(int descriptor, nuint request)
    {
        int value;
        return FileKernel.Ioctl(descriptor, request, &value) < 0 ? -Errno.Last : value;
    }

    private static int DeviceRange(int descriptor, nuint request, long offset, long length)
    {
        var range = stackalloc ulong[2] { (ulong)offset, (ulong)length };
        return Answer(FileKernel.Ioctl(descriptor, request, range));
    }

    private static int Answer(int result) => result < 0 ? -Errno.Last : result;

    private static long Answer(long result) => result < 0 ? -Errno.Last : result;
}
