using System.Numerics;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;

namespace BlockUring.Storage;

/// <summary>What O_DIRECT asks of requests to one file, in bytes, powers of two.</summary>
/// <param name="Request">Alignment of offset and length; 0 when the file takes no O_DIRECT requests at all.</param>
/// <param name="Memory">Alignment of the address.</param>
internal readonly record struct DirectAlignment(int Request, int Memory)
{
    private const int Largest = BufferPool.Alignment;
    private const int LargestRequest = 64 << 10;

    /// <summary>Asks the kernel (statx, then BLKSSZGET), then tries reads; blocking, short.</summary>
    /// <param name="descriptor">Open with O_DIRECT.</param>
    /// <param name="status">Of the same file.</param>
    /// <param name="buffers">Where the buffer of the trials comes from.</param>
    public static DirectAlignment Discover(int descriptor, FileStatus status, BufferPool buffers)
    {
        if (status.KnowsDirectAlignment)
        {
            return IsUsable(status.DirectOffsetAlignment, LargestRequest) && IsUsable(status.DirectMemoryAlignment, Largest)
                ? new(Math.Max(512, status.DirectOffsetAlignment), status.DirectMemoryAlignment)
                : default;
        }

        if (status.Kind == FileKind.BlockDevice)
        {
            var sector = FileSystemCalls.LogicalSectorLength(descriptor);
            if (IsUsable(sector, Largest))
                return new(sector, sector);
        }

        // Why: an empty or wholly sparse file answers reads of any alignment, so that trying says nothing.
        return status.Kind == FileKind.Regular && status.AllocatedBytes == 0
            ? new(Largest, Largest)
            : Try(descriptor, buffers);
    }

    private static DirectAlignment Try(int descriptor, BufferPool buffers)
    {
        using var buffer = buffers.Rent(2 * Largest);
        for (var length = 512; length <= Largest; length *= 2)
        {
            if (FileSystemCalls.ReadOnce(descriptor, 0, buffer.Memory.Slice(0, length)) == -Errno.EINVAL)
                continue;
            for (var memory = 512; memory <= Largest; memory *= 2)
            {
                if (FileSystemCalls.ReadOnce(descriptor, 0, buffer.Memory.Slice(memory, Largest)) != -Errno.EINVAL)
                    return new(length, memory);
            }
        }

        return default;
    }

    private static bool IsUsable(int alignment, int largest) => alignment > 0 && alignment <= largest && BitOperations.IsPow2(alignment);
}
