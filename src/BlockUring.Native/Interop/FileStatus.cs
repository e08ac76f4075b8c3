namespace BlockUring.Native.Interop;

/// <summary>What statx(2) says of a file.</summary>
/// <param name="Kind">Its type.</param>
/// <param name="Length">Bytes; 0 for devices.</param>
/// <param name="AllocatedBytes">Bytes taken on the file system.</param>
/// <param name="BlockLength">Bytes that the file system prefers for one request; on most file systems its block.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="DeviceMajor">Major number of the device that holds the file system.</param>
/// <param name="DeviceMinor">Minor number of that device.</param>
/// <param name="KnowsDirectAlignment">Whether the next two values were answered (STATX_DIOALIGN, Linux 6.1).</param>
/// <param name="DirectMemoryAlignment">Alignment in memory of O_DIRECT requests, in bytes.</param>
/// <param name="DirectOffsetAlignment">Alignment of offset and length of O_DIRECT requests, in bytes; 0: the file takes none.</param>
public readonly record struct FileStatus(
    FileKind Kind,
    long Length,
    long AllocatedBytes,
    int BlockLength,
    ulong Inode,
    uint DeviceMajor,
    uint DeviceMinor,
    bool KnowsDirectAlignment,
    int DirectMemoryAlignment,
    int DirectOffsetAlignment);
