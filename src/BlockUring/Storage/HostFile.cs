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
    private readonly CacheMode cache;
    private readonly FileEnd end = new();
    private readonly AlignedIo aligned;
    private bool closed;

    internal HostFile(IoThread thread, HostFileState state)
    {
        this.thread = thread;
        Path = state.Path;
        Kind = state.Status.Kind;
        IsReadOnly = state.Options.ReadOnly;
        cache = state.Options.CacheInForce;
        Note = state.Note;
        var direct = state.Alignment;
        IsDirect = direct.Request > 0;
        target = new Target(this, state.Descriptor, direct.Request);
        end.Set(state.Length);
        aligned = new AlignedIo(thread, target, end, Math.Max(1, direct.Request), Math.Max(1, direct.Memory), cache.WriteThrough);
        Limits = new BlockLimits(Math.Max(1, direct.Request), Math.Max(1, direct.Memory));
        thread.Queue.Register(target);
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <summary>What the path leads to.</summary>
    public FileKind Kind { get; }

    /// <inheritdoc/>
    public override long Length => end.Length;

    /// <inheritdoc/>
    public override bool IsReadOnly { get; }

    /// <summary>Whether requests pass the page cache by (O_DIRECT).</summary>
    public bool IsDirect { get; }

    /// <summary>What differs from what was asked for, fit to print as a warning; null when nothing does.</summary>
    public string? Note { get; }

    /// <inheritdoc/>
    public override BlockLimits Limits { get; }

    /// <inheritdoc/>
    public override BufferPool Buffers => thread.Buffers;

    /// <inheritdoc/>
    public override long AllocatedBytes =>
        Kind == FileKind.Regular && FileSystemCalls.Stat(target.Descriptor, out var status) >= 0 ? status.AllocatedBytes : -1;

    /// <inheritdoc/>
    public override ValueTask ReadAsync(long offset, IoMemory destination)
    {
        if (destination.Length == 0)
            return ValueTask.CompletedTask;
        if (offset >= end.Length)
        {
            destination.Span.Clear();
            return ValueTask.CompletedTask;
        }

        return aligned.IsAligned(offset, destination)
            ? thread.Queue.ReadAsync(target, offset, destination)
            : aligned.ReadAsync(offset, destination);
    }

    /// <inheritdoc/>
    public override ValueTask WriteAsync(long offset, IoMemory source)
    {
        if (source.Length == 0)
            return ValueTask.CompletedTask;
        var stop = offset + source.Length;
        if (IsReadOnly || stop > end.Length)
            PrepareToGrow(offset, stop);

        // Why: growing O_DIRECT writes and the cutting of padding must not meet, so those go through the range lock.
        return aligned.IsAligned(offset, source) && stop <= end.Length
            ? thread.Queue.WriteAsync(target, offset, source, cache.WriteThrough)
            : aligned.WriteAsync(offset, source);
    }

    /// <inheritdoc/>
    public override async ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap)
    {
        using var zeroes = Buffers.Rent((int)Math.Clamp(length, 1, 1 << 20));
        zeroes.Span.Clear();
        for (; length > 0; length -= zeroes.Length)
        {
            await WriteAsync(offset, zeroes.Memory.Slice(0, (int)Math.Min(length, zeroes.Length)));
            offset += zeroes.Length;
        }
    }

    /// <inheritdoc/>
    public override ValueTask DiscardAsync(long offset, long length) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public override ValueTask FlushAsync()
    {
        if (IsReadOnly || cache.NoFlush)
            return aligned.TrimAsync();
        return end.PaddedLength > end.Length ? TrimAndFlushAsync() : thread.Queue.FlushAsync(target, dataOnly: true);
    }

    /// <inheritdoc/>
    public override async ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off)
    {
        DemandWritable(0);
        var held = await aligned.HoldAsync(Math.Min(length, end.Length), long.MaxValue);
        try
        {
            var answer = await thread.OffloadAsync(() => FileSystemCalls.SetLength(target.Descriptor, length));
            if (answer < 0)
                throw Fail(-answer, "Could not resize file");
            end.Set(length);
        }
        finally
        {
            aligned.Release(held);
        }
    }

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
            thread.Queue.Unregister(target);
            FileSystemCalls.Close(target.Descriptor);
        }
    }

    private async ValueTask TrimAndFlushAsync()
    {
        await aligned.TrimAsync();
        await thread.Queue.FlushAsync(target, dataOnly: true);
    }

    private void PrepareToGrow(long offset, long stop)
    {
        DemandWritable(offset);
        if (Kind != FileKind.Regular)
            throw BlockException.FromErrno(Errno.ENOSPC, "Could not write", Path, offset);
        if (!IsDirect)
            end.Set(stop);
    }

    private void DemandWritable(long offset)
    {
        if (IsReadOnly)
            throw BlockException.FromErrno(Errno.EACCES, "Could not write", Path, offset);
    }

    private BlockException Fail(int errno, string what) =>
        new(BlockException.KindOf(errno), $"{what}: {Errno.Message(errno)}", errno) { Path = Path };

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
