using System.Runtime.CompilerServices;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Storage;

/// <summary>A regular file or a device of this host, through one <see cref="IoThread"/>'s ring.</summary>
/// <remarks>
/// Opened by <see cref="LinuxFileHost"/>. Aligned reads and writes are the ring's own operations: no layer, no allocation. The length after a
/// failed write that was to grow a file through the page cache may be stated too large; what is missing reads as zeroes.
/// </remarks>
public sealed class HostFile : BlockFile
{
    private readonly IoThread thread;
    private readonly Target target;
    private readonly FileStatus status;
    private readonly CacheMode cache;
    private readonly FileEnd end = new();
    private readonly AlignedIo aligned;
    private readonly ExtentCache extents;
    private readonly SpaceControl space;
    private readonly CopyOffload copying;
    private readonly WrittenMap? written;
    private readonly HeldLocks? locks;
    private bool closed;

    internal HostFile(IoThread thread, HostFileState state)
    {
        this.thread = thread;
        status = state.Status;
        Path = state.Path;
        IsReadOnly = state.Options.ReadOnly;
        IsFresh = state.IsFresh;
        Note = state.Note;
        cache = state.Options.CacheInForce;
        var request = Math.Max(1, state.Alignment.Request);
        var memory = Math.Max(1, state.Alignment.Memory);
        IsDirect = state.Alignment.Request > 0;
        target = new Target(this, state.Descriptor, state.Alignment.Request);
        end.Set(state.Length);
        aligned = new AlignedIo(thread, target, end, request, memory, cache.WriteThrough);
        extents = new ExtentCache(thread, state.Descriptor);
        space = new SpaceControl(thread, target, state);
        copying = new CopyOffload(thread, target, state);
        written = IsReadOnly ? null : new WrittenMap();
        locks = state.Options.LocksFollowUse ? new HeldLocks(state.Descriptor, Path) : null;
        Limits = new BlockLimits(request, memory, ZeroAlignment: space.Unit, DiscardAlignment: space.Unit);
        thread.Queue.Register(target);
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <summary>What the path leads to.</summary>
    public FileKind Kind => status.Kind;

    /// <inheritdoc/>
    public override long Length => end.Length;

    /// <inheritdoc/>
    public override bool IsReadOnly { get; }

    /// <inheritdoc/>
    public override bool CanGrow => Kind == FileKind.Regular;

    /// <inheritdoc/>
    public override bool IsFresh { get; }

    /// <summary>Whether requests pass the page cache by (O_DIRECT).</summary>
    public bool IsDirect { get; }

    /// <summary>What differs from what was asked for, fit to print as a warning; null when nothing does.</summary>
    public string? Note { get; }

    /// <summary>Calls of lseek made for <see cref="GetExtentAsync"/>.</summary>
    public long SeekCount => extents.SeekCount;

    /// <summary>Bytes that <see cref="TryCopyRangeAsync"/> shared with its source (reflink) rather than copied.</summary>
    public long SharedBytes => copying.SharedBytes;

    /// <inheritdoc/>
    public override BlockLimits Limits { get; }

    /// <inheritdoc/>
    public override BufferPool Buffers => thread.Buffers;

    /// <inheritdoc/>
    public override long AllocatedBytes =>
        Kind == FileKind.Regular && FileSystemCalls.Stat(target.Descriptor, out var now) >= 0 ? now.AllocatedBytes : -1;

    /// <inheritdoc/>
    public override ValueTask ReadAsync(long offset, IoMemory destination)
    {
        if (offset >= end.Length)
        {
            destination.Span.Clear();
            return ValueTask.CompletedTask;
        }

        return aligned.IsAligned(offset, destination) && destination.Length > 0
            ? thread.Queue.ReadAsync(target, offset, destination)
            : aligned.ReadAsync(offset, destination);
    }

    /// <inheritdoc/>
    public override ValueTask WriteAsync(long offset, IoMemory source)
    {
        DemandWritable(offset);
        if (source.Length == 0)
            return ValueTask.CompletedTask;
        var stop = offset + source.Length;
        written!.Mark(offset, stop);
        if (stop > end.Length)
            PrepareToGrow(offset, stop);

        // Why: growing O_DIRECT writes and the cutting of padding must not meet, so those go through the range lock.
        return stop <= end.Length && aligned.IsAligned(offset, source)
            ? thread.Queue.WriteAsync(target, offset, source, cache.WriteThrough)
            : aligned.WriteAsync(offset, source);
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public override async ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap)
    {
        DemandWritable(offset);
        var stop = offset + length;
        var oldLength = end.Length;
        if (length > 0 && stop > oldLength)
        {
            DemandGrowable(offset);
            await GrowAsync(stop);
            stop = Math.Max(offset, oldLength);
        }

        while (offset < stop)
        {
            var runStop = stop;
            var mayHoldData = !IsFresh;
            if (IsFresh)
                runStop = written!.RunStop(offset, stop, out mayHoldData);
            if (mayHoldData)
                await ZeroRunAsync(offset, runStop, mayUnmap);
            offset = runStop;
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DiscardAsync(long offset, long length)
    {
        DemandWritable(offset);
        var (start, stop) = (RoundUp(offset), Math.Min(offset + length, end.Length) & -(long)space.Unit);
        if (start >= stop)
            return;
        await space.DiscardAsync(start, stop - start);
        extents.Invalidate();
    }

    /// <inheritdoc/>
    public override ValueTask FlushAsync()
    {
        if (IsReadOnly)
            return ValueTask.CompletedTask;
        if (cache.NoFlush)
            return aligned.TrimAsync();
        return end.PaddedLength > end.Length ? TrimAndFlushAsync() : thread.Queue.FlushAsync(target, dataOnly: true);
    }

    /// <inheritdoc/>
    public override async ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off)
    {
        DemandWritable(0);
        if (Kind != FileKind.Regular)
        {
            DemandDeviceLength(length, preallocation);
            return;
        }

        var oldLength = end.Length;
        if (length < oldLength)
        {
            if (preallocation != PreallocationMode.Off)
                throw new BlockException(BlockErrorKind.Unsupported, "Cannot use preallocation for shrinking files") { Path = Path };
            await ShrinkAsync(length);
            return;
        }

        try
        {
            await GrowAsync(length);
            await ReserveAsync(oldLength, length, preallocation);
        }
        catch (BlockException)
        {
            await ShrinkAsync(oldLength);
            throw;
        }
    }

    /// <inheritdoc/>
    public override ValueTask<FileExtent> GetExtentAsync(long offset, long maxLength)
    {
        if (offset >= end.Length)
            return new(new FileExtent(maxLength, true));
        var limit = Math.Min(end.Length, offset + Math.Min(maxLength, end.Length));
        if (Kind != FileKind.Regular)
            return new(new FileExtent(limit - offset, false));
        if (written == null)
            return extents.GetAsync(offset, limit);

        // Why: what was written here may have been a hole when it was last asked about.
        limit = written.RunStop(offset, limit, out var isWritten);
        if (isWritten)
            return extents.GetUncachedAsync(offset, limit);
        return IsFresh ? new(new FileExtent(limit - offset, true)) : extents.GetAsync(offset, limit);
    }

    /// <inheritdoc/>
    public override async ValueTask<bool> TryCopyRangeAsync(BlockFile source, long sourceOffset, long targetOffset, long length)
    {
        DemandWritable(targetOffset);
        if (length == 0)
            return true;
        if (source.Underlying is not HostFile { Kind: FileKind.Regular } from || Kind != FileKind.Regular || from.thread != thread)
            return false;

        // Why: in the kernel too, O_DIRECT descriptors copy whole units only.
        var unit = Math.Max(Limits.RequestAlignment, from.Limits.RequestAlignment);
        if (((sourceOffset | targetOffset) & (unit - 1)) != 0)
            return false;
        await from.aligned.TrimAsync();
        var inside = Math.Clamp(from.Length - sourceOffset, 0, length);
        var whole = inside & -(long)unit;
        if (whole > 0 && !await TryCopyWholeAsync(from, sourceOffset, targetOffset, whole))
            return false;
        if (whole < inside)
            await CopyTailAsync(from, sourceOffset + whole, targetOffset + whole, (int)(inside - whole));
        await WriteZeroesAsync(targetOffset + inside, length - inside, mayUnmap: true);
        await DurableAsync();
        return true;
    }

    /// <summary>Lets others change the length from now on: the locks of creation become those of writing.</summary>
    /// <inheritdoc/>
    public override void SetPermissions(ImagePermissions needed, ImagePermissions shared) => locks?.Set(needed, ~shared);

    internal void ShareResize() => ImageLock.Release(target.Descriptor, ImagePermissions.Resize, ImagePermissions.Resize);

    /// <inheritdoc/>
    protected override async ValueTask CloseAsync()
    {
        if (closed)
            return;
        closed = true;
        try
        {
            await aligned.TrimAsync();
        }
        finally
        {
            ImageLock.ReleaseAll(target.Descriptor);
            thread.Queue.Unregister(target);
            FileSystemCalls.Close(target.Descriptor);
        }
    }

    private async ValueTask<bool> TryCopyWholeAsync(HostFile source, long sourceOffset, long targetOffset, long length)
    {
        var stop = targetOffset + length;
        written!.Mark(targetOffset, stop);
        var held = await aligned.HoldAsync(targetOffset, stop);
        try
        {
            if (!await copying.TryCopyAsync(source.target.Descriptor, source.status, sourceOffset, targetOffset, length))
                return false;
            end.Length = Math.Max(end.Length, stop);
            return true;
        }
        finally
        {
            // What was copied before a failure may have moved the host's end.
            end.PaddedLength = Math.Max(end.PaddedLength, stop);
            aligned.Release(held);
        }
    }

    private async ValueTask CopyTailAsync(HostFile source, long sourceOffset, long targetOffset, int length)
    {
        using var buffer = Buffers.Rent(length);
        await source.ReadAsync(sourceOffset, buffer.Memory);
        await WriteAsync(targetOffset, buffer.Memory);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ZeroRunAsync(long offset, long stop, bool mayUnmap)
    {
        var (start, last) = (RoundUp(offset), stop & -(long)space.Unit);
        if (start >= last)
        {
            await SpaceControl.WriteAsync(this, offset, stop - offset);
            return;
        }

        if (offset < start)
            await SpaceControl.WriteAsync(this, offset, start - offset);
        if (last < stop)
            await SpaceControl.WriteAsync(this, last, stop - last);
        if (await space.TryZeroAsync(start, last - start, mayUnmap))
            await DurableAsync();
        else
            await SpaceControl.WriteAsync(this, start, last - start);
        extents.Invalidate();
    }

    private async ValueTask ReserveAsync(long offset, long stop, PreallocationMode preallocation)
    {
        if (offset == stop)
            return;
        try
        {
            if (preallocation == PreallocationMode.Falloc && await space.TryReserveAsync(offset, stop - offset))
                return;
        }
        catch (BlockException e)
        {
            throw Fail(e.ErrorNumber, "Could not preallocate new data");
        }

        if (preallocation is PreallocationMode.Off or PreallocationMode.Metadata)
            return;
        try
        {
            await SpaceControl.WriteAsync(this, offset, stop - offset);
        }
        catch (BlockException e)
        {
            throw Fail(e.ErrorNumber, "Could not write zeros for preallocation");
        }

        await thread.Queue.FlushAsync(target, dataOnly: true);
    }

    // Why: on this thread and not on a worker, so that no write that ends further back can be started meanwhile and be cut off.
    private async ValueTask GrowAsync(long length)
    {
        var held = await aligned.HoldAsync(end.Length, long.MaxValue);
        try
        {
            if (length <= end.Length)
                return;
            var answer = FileSystemCalls.SetLength(target.Descriptor, length);
            if (answer < 0)
                throw Fail(-answer, "Could not resize file");
            end.Set(length);
        }
        finally
        {
            aligned.Release(held);
        }
    }

    private async ValueTask ShrinkAsync(long length)
    {
        var held = await aligned.HoldAsync(length, long.MaxValue);
        try
        {
            var answer = await thread.OffloadAsync(() => FileSystemCalls.SetLength(target.Descriptor, length));
            if (answer < 0)
                throw Fail(-answer, "Could not resize file");
            end.Set(length);
            extents.Invalidate();
        }
        finally
        {
            aligned.Release(held);
        }
    }

    private async ValueTask TrimAndFlushAsync()
    {
        await aligned.TrimAsync();
        await thread.Queue.FlushAsync(target, dataOnly: true);
    }

    private ValueTask DurableAsync() => cache.WriteThrough ? thread.Queue.FlushAsync(target, dataOnly: true) : ValueTask.CompletedTask;

    private void PrepareToGrow(long offset, long stop)
    {
        DemandGrowable(offset);
        if (!IsDirect)
            end.Set(stop);
    }

    private void DemandGrowable(long offset)
    {
        if (Kind != FileKind.Regular)
            throw BlockException.FromErrno(Errno.ENOSPC, "Could not write", Path, offset);
    }

    private void DemandWritable(long offset)
    {
        if (IsReadOnly)
            throw BlockException.FromErrno(Errno.EACCES, "Could not write", Path, offset);
    }

    private void DemandDeviceLength(long length, PreallocationMode preallocation)
    {
        if (preallocation != PreallocationMode.Off)
        {
            var name = preallocation.ToString().ToLowerInvariant();
            throw new BlockException(BlockErrorKind.Unsupported, $"Preallocation mode '{name}' unsupported for this non-regular file") { Path = Path };
        }

        if (length > end.Length)
            throw new BlockException(BlockErrorKind.Invalid, "Cannot grow device files", Errno.EINVAL) { Path = Path };
    }

    private BlockException Fail(int errno, string what) =>
        new(BlockException.KindOf(errno), $"{what}: {Errno.Message(errno)}", errno) { Path = Path };

    private long RoundUp(long offset) => (offset + space.Unit - 1) & -(long)space.Unit;

    private sealed class Target(HostFile owner, int descriptor, int directAlignment) : IoTarget(descriptor, directAlignment)
    {
        protected override Exception Failure(IoKind kind, long offset, long length, int errno)
        {
            var operation = kind switch
            {
                IoKind.Read => "Could not read",
                IoKind.Write => "Could not write",
                IoKind.Flush => "Could not flush",
                _ => "Could not allocate space in",
            };
            return BlockException.FromErrno(errno, operation, owner.Path, kind == IoKind.Flush ? -1 : offset);
        }
    }
}
