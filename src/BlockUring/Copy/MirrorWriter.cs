using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Copy;

/// <summary>
/// Writes of a guest to a disk that is mirrored: to the disk alone, which makes it dirty, or to both sides before the guest is told that they are
/// done.
/// </summary>
/// <remarks>
/// A write that the target refuses succeeds all the same, and is dirty. Discards reach the target as far as the disk reads as zeroes afterwards;
/// what it keeps of the range is left to the background, since no two disks need agree on what they keep.
/// </remarks>
public sealed class MirrorWriter
{
    private readonly MirrorCopy copy;

    /// <summary>Makes a writer that leaves everything to the background.</summary>
    public MirrorWriter(MirrorCopy copy) => this.copy = copy;

    /// <summary>Whether writes go to both sides.</summary>
    public bool WritesThrough { get; set; }

    /// <summary>Told why the target did not take a write.</summary>
    public Action<BlockException>? TargetFailed { get; set; }

    private bool IsBackground => !WritesThrough || copy.IsStopped;

    /// <summary>Writes bytes.</summary>
    /// <param name="disk">What is below the filter that the guest uses.</param>
    /// <param name="offset">Where.</param>
    /// <param name="data">The bytes.</param>
    /// <param name="flags">What the guest says of them.</param>
    public ValueTask WriteAsync(GuestDisk disk, long offset, IoMemory data, WriteFlags flags) =>
        IsBackground || (flags & WriteFlags.Unchanged) != 0 || data.Length == 0
            ? disk.WriteAsync(offset, data, flags)
            : WriteBothAsync(disk, offset, data, flags);

    /// <summary>Writes zeroes.</summary>
    /// <param name="disk">What is below the filter that the guest uses.</param>
    /// <param name="offset">Where.</param>
    /// <param name="length">How many.</param>
    /// <param name="flags">What the guest says of them.</param>
    public ValueTask WriteZeroesAsync(GuestDisk disk, long offset, long length, WriteFlags flags) =>
        IsBackground || (flags & WriteFlags.Unchanged) != 0 || length == 0
            ? disk.WriteZeroesAsync(offset, length, flags)
            : ZeroBothAsync(disk, offset, length, flags);

    /// <summary>Gives a range up.</summary>
    /// <param name="disk">What is below the filter that the guest uses.</param>
    /// <param name="offset">Where.</param>
    /// <param name="length">How much.</param>
    public ValueTask DiscardAsync(GuestDisk disk, long offset, long length) =>
        IsBackground || length == 0 ? disk.DiscardAsync(offset, length) : DiscardBothAsync(disk, offset, length);

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask WriteBothAsync(GuestDisk disk, long offset, IoMemory data, WriteFlags flags)
    {
        var held = await copy.InFlight.AcquireAsync(offset, offset + data.Length);
        var hasReachedTarget = false;
        Begin(offset, data.Length);
        try
        {
            await disk.WriteAsync(offset, data, flags);
            hasReachedTarget = CanReachTarget(offset, data.Length) && await TryAsync(copy.Target.WriteAsync(offset, data));
        }
        finally
        {
            End(held, offset, data.Length, hasReachedTarget);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ZeroBothAsync(GuestDisk disk, long offset, long length, WriteFlags flags)
    {
        var held = await copy.InFlight.AcquireAsync(offset, offset + length);
        var hasReachedTarget = false;
        Begin(offset, length);
        try
        {
            await disk.WriteZeroesAsync(offset, length, flags);
            hasReachedTarget = CanReachTarget(offset, length)
                && await TryAsync(copy.Target.WriteZeroesAsync(offset, length, copy.ZeroFlags(flags)));
        }
        finally
        {
            End(held, offset, length, hasReachedTarget);
        }
    }

    // The discard itself makes the range dirty; then what reads as zeroes is copied at once, and what does not, later.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask DiscardBothAsync(GuestDisk disk, long offset, long length)
    {
        await disk.DiscardAsync(offset, length);
        var (start, end) = copy.WholeChunks(offset, length);
        if (start >= end || IsBackground || !copy.CanWritePart(start, end - start))
            return;
        var held = await copy.InFlight.AcquireAsync(start, end);
        try
        {
            while (start < end && !IsBackground)
                start += await CopyZeroesAsync(start, end);
        }
        catch (CopyFailureException e)
        {
            if (!e.IsRead)
                TargetFailed?.Invoke(e.Cause);
        }
        catch (BlockException)
        {
            // The source does not tell what it holds: the background will meet that, too.
        }
        finally
        {
            copy.InFlight.Release(held);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<long> CopyZeroesAsync(long start, long end)
    {
        var status = await copy.Source.GetStatusAsync(start, end - start);
        var (_, last) = copy.WholeChunks(start, status.Length);
        if (!status.IsZero || last <= start)
            return Math.Min(end - start, Math.Max(status.Length & -copy.Dirty.Granularity, copy.Dirty.Granularity));
        await copy.CopyHeldAsync(start, last - start);
        return last - start;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> TryAsync(ValueTask request)
    {
        try
        {
            await request;
            return true;
        }
        catch (BlockException e)
        {
            TargetFailed?.Invoke(e);
            return false;
        }
    }

    private void Begin(long offset, long length)
    {
        copy.BeginWrite(offset, length);
        copy.Expected.Add((offset, length));
    }

    // Why asked again: while it waited, or wrote the disk, it may have been told to write that alone.
    private bool CanReachTarget(long offset, long length) => !IsBackground && copy.CanWritePart(offset, length);

    private void End(RangeLock.Entry held, long offset, long length, bool hasReachedTarget)
    {
        copy.Expected.Remove((offset, length));
        copy.EndWrite(offset, length, hasReachedTarget);
        copy.InFlight.Release(held);
    }
}
