using System.Runtime.CompilerServices;
using BlockUring.Native.Interop;
using BlockUring.Native.Uring;

namespace BlockUring.Storage;

/// <summary>
/// Zeroes and discards on a host file by the cheapest means that holds: fallocate, then the device's own request, then writing. A means
/// that the host lacks is tried once.
/// </summary>
/// <remarks>Alignment of ranges is the caller's: whole <see cref="Unit"/>s.</remarks>
internal sealed class SpaceControl
{
    // linux/falloc.h
    private const int KeepSize = 1;
    private const int PunchHole = 2;
    private const int ZeroRange = 16;

    // Why: a device may write all of the zeroes itself; a step bounds how long one request can take.
    private const long DeviceStep = 1 << 30;

    private readonly IoThread thread;
    private readonly IoTarget target;
    private readonly string path;
    private readonly bool isDevice;
    private bool canPunch = true;
    private bool canZeroRange = true;
    private bool canReserve = true;
    private bool canZeroOut = true;
    private bool canDiscard = true;

    public SpaceControl(IoThread thread, IoTarget target, HostFileState state)
    {
        this.thread = thread;
        this.target = target;
        path = state.Path;
        isDevice = state.Status.Kind == FileKind.BlockDevice;
        Unit = isDevice
            ? Math.Max(512, FileSystemCalls.LogicalSectorLength(state.Descriptor))
            : Math.Clamp((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)state.Status.BlockLength), 512, 1 << 16);
    }

    /// <summary>Bytes: what ranges are to be multiples of, for zeroing without writing and for giving back space.</summary>
    public int Unit { get; }

    /// <summary>Makes whole units zeroes without writing them; answers false when the host has no means for that.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<bool> TryZeroAsync(long offset, long length, bool mayUnmap)
    {
        for (long done = 0; done < length;)
        {
            var step = isDevice ? Math.Min(length - done, DeviceStep) : length - done;
            if (!await TryZeroStepAsync(offset + done, step, mayUnmap))
                return false;
            done += step;
        }

        return true;
    }

    /// <summary>Gives whole units back to the host where it can.</summary>
    public async ValueTask DiscardAsync(long offset, long length)
    {
        if (!isDevice)
        {
            if (canPunch)
                canPunch = await AllocateAsync(PunchHole | KeepSize, offset, length) != Outcome.Unsupported;
            return;
        }

        for (long done = 0; done < length && canDiscard; done += DeviceStep)
        {
            var (start, step) = (offset + done, Math.Min(length - done, DeviceStep));
            var answer = await thread.OffloadAsync(() => FileSystemCalls.Discard(target.Descriptor, start, step));
            canDiscard = Judge(answer, start) != Outcome.Unsupported;
        }
    }

    /// <summary>Reserves space that reads as zeroes, growing the file; answers false when the file system cannot.</summary>
    public async ValueTask<bool> TryReserveAsync(long offset, long length)
    {
        if (canReserve)
            canReserve = await AllocateAsync(0, offset, length) != Outcome.Unsupported;
        return canReserve;
    }

    /// <summary>Writes zeroes from one buffer, a few requests at a time.</summary>
    /// <param name="file">Where.</param>
    /// <param name="offset">Bytes, any alignment.</param>
    /// <param name="length">Bytes, any alignment.</param>
    public static async ValueTask WriteAsync(BlockFile file, long offset, long length)
    {
        const int maxPending = 4;
        using var zeroes = file.Buffers.Rent((int)Math.Min(length, 1 << 20));
        zeroes.Span.Clear();
        var pending = new Queue<Task>(maxPending);
        try
        {
            while (length > 0)
            {
                if (pending.Count == maxPending)
                    await pending.Dequeue();
                var part = (int)Math.Min(length, zeroes.Length);
                pending.Enqueue(file.WriteAsync(offset, zeroes.Memory.Slice(0, part)).AsTask());
                offset += part;
                length -= part;
            }
        }
        finally
        {
            // The buffer is in use until the last of them has ended, failed or not.
            await Task.WhenAll(pending);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> TryZeroStepAsync(long offset, long length, bool mayUnmap)
    {
        if (mayUnmap && canPunch)
        {
            var outcome = await AllocateAsync(PunchHole | KeepSize, offset, length);
            if (outcome == Outcome.Done)
                return true;
            canPunch = outcome != Outcome.Unsupported;
        }

        if (canZeroRange)
        {
            var outcome = await AllocateAsync(ZeroRange | KeepSize, offset, length);
            if (outcome == Outcome.Done)
                return true;
            canZeroRange = outcome != Outcome.Unsupported;
        }

        if (isDevice)
            return await TryZeroOutAsync(offset, length);
        return !mayUnmap && canPunch && await TryPunchAndReserveAsync(offset, length);
    }

    // For file systems without ZERO_RANGE, tmpfs for one.
    private async ValueTask<bool> TryPunchAndReserveAsync(long offset, long length)
    {
        var outcome = await AllocateAsync(PunchHole | KeepSize, offset, length);
        canPunch = outcome != Outcome.Unsupported;
        if (outcome != Outcome.Done)
            return false;
        if (canReserve)
            canReserve = await AllocateAsync(KeepSize, offset, length) != Outcome.Unsupported;
        return true;
    }

    private async ValueTask<bool> TryZeroOutAsync(long offset, long length)
    {
        if (!canZeroOut)
            return false;
        var answer = await thread.OffloadAsync(() => FileSystemCalls.ZeroOut(target.Descriptor, offset, length));
        var outcome = Judge(answer, offset);
        canZeroOut = outcome != Outcome.Unsupported;
        return outcome == Outcome.Done;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<Outcome> AllocateAsync(int mode, long offset, long length) =>
        Judge(await thread.Queue.AllocateAsync(target, mode, offset, length), offset);

    private Outcome Judge(int answer, long offset) => -answer switch
    {
        <= 0 => Outcome.Done,
        Errno.EOPNOTSUPP or Errno.ENOSYS or Errno.ENOTTY or Errno.ENODEV => Outcome.Unsupported,

        // Not for this range, or not now (a swap file, an immutable file): writing tells the true reason.
        Errno.EINVAL or Errno.EPERM or Errno.EBUSY or Errno.ETXTBSY => Outcome.Refused,
        var errno => throw BlockException.FromErrno(errno, "Could not allocate space in", path, offset),
    };

    private enum Outcome
    {
        Done,
        Refused,
        Unsupported,
    }
}
