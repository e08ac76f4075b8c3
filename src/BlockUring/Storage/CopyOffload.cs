using BlockUring.Native.Interop;
using BlockUring.Native.Uring;

namespace BlockUring.Storage;

/// <summary>
/// Copies ranges between regular files inside the kernel: sharing extents (FICLONERANGE) where both are on one file system that can, else
/// copy_file_range. Remembers, for each file system of a source, what did not work.
/// </summary>
internal sealed class CopyOffload
{
    private const long Step = 64 << 20;

    private readonly IoThread thread;
    private readonly IoTarget target;
    private readonly string path;
    private readonly FileStatus status;
    private readonly HashSet<(uint Major, uint Minor)> noClone = [];
    private readonly HashSet<(uint Major, uint Minor)> noCopy = [];

    public CopyOffload(IoThread thread, IoTarget target, HostFileState state)
    {
        this.thread = thread;
        this.target = target;
        path = state.Path;
        status = state.Status;
    }

    /// <summary>Bytes shared with sources rather than copied, so far.</summary>
    public long SharedBytes { get; private set; }

    /// <summary>Copies; answers false when the host cannot, with nothing promised about the target range.</summary>
    /// <param name="source">Descriptor to read.</param>
    /// <param name="sourceStatus">Of the source.</param>
    /// <param name="sourceOffset">Bytes.</param>
    /// <param name="targetOffset">Bytes.</param>
    /// <param name="length">Bytes, 1 or more, all of them before the source's end.</param>
    public async ValueTask<bool> TryCopyAsync(
        int source, FileStatus sourceStatus, long sourceOffset, long targetOffset, long length)
    {
        var device = (sourceStatus.DeviceMajor, sourceStatus.DeviceMinor);
        var block = status.BlockLength;
        if ((sourceOffset | targetOffset) % block == 0 && length >= block && !noClone.Contains(device))
        {
            var shared = length - (length % block);
            var answer = await thread.OffloadAsync(
                () => FileSystemCalls.Clone(source, sourceOffset, target.Descriptor, targetOffset, shared));
            DemandSpace(answer, targetOffset);
            if (answer < 0)
            {
                noClone.Add(device);
            }
            else
            {
                SharedBytes += shared;
                sourceOffset += shared;
                targetOffset += shared;
                length -= shared;
            }
        }

        return length == 0 || (!noCopy.Contains(device) && await TryCopyStepsAsync(source, device, sourceOffset, targetOffset, length));
    }

    private async ValueTask<bool> TryCopyStepsAsync(int source, (uint Major, uint Minor) device, long sourceOffset, long targetOffset, long length)
    {
        while (length > 0)
        {
            var (from, to, step) = (sourceOffset, targetOffset, Math.Min(length, Step));
            var answer = await thread.OffloadAsync(() => FileSystemCalls.CopyRange(source, from, target.Descriptor, to, step));
            if (answer == -Errno.EINTR)
                continue;
            DemandSpace(answer, targetOffset);
            if (answer <= 0)
            {
                noCopy.Add(device);
                return false;
            }

            sourceOffset += answer;
            targetOffset += answer;
            length -= answer;
        }

        return true;
    }

    // Any other failure is left to reading and writing, which name the file that fails.
    private void DemandSpace(long answer, long offset)
    {
        if (-answer is Errno.ENOSPC or Errno.EFBIG)
            throw BlockException.FromErrno((int)-answer, "Could not write", path, offset);
    }
}
