using System.Runtime.CompilerServices;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Storage;

/// <summary>
/// Serves any byte range and any address on top of O_DIRECT: whole aligned parts go straight through, the rest through bounce buffers of
/// bounded size. Sectors written in part are read, changed and written back under a range lock.
/// </summary>
/// <remarks>
/// A write that ends in the last, partial sector of a regular file leaves zeroes as padding behind the end;
/// <see cref="TrimAsync"/> cuts them off, so that flushed and closed files have the length their users gave them. Writes that overlap
/// aligned ones in flight are the caller's to order, as ever.
/// </remarks>
internal sealed class AlignedIo
{
    private const int MaxBounce = 1 << 20;

    // Why: below this, one request and a copy cost less than two requests.
    private const int SmallBounce = 64 << 10;

    private readonly IoThread thread;
    private readonly IoTarget target;
    private readonly FileEnd end;
    private readonly int alignment;
    private readonly int memoryAlignment;
    private readonly bool durable;
    private readonly RangeLock locks = new();

    /// <param name="thread">Owns the file's I/O.</param>
    /// <param name="target">The file.</param>
    /// <param name="end">Kept up to date.</param>
    /// <param name="alignment">Of offset and length, 1 or more.</param>
    /// <param name="memoryAlignment">Of addresses, 1 or more.</param>
    /// <param name="durable">Whether each write is durable before it ends.</param>
    public AlignedIo(IoThread thread, IoTarget target, FileEnd end, int alignment, int memoryAlignment, bool durable)
    {
        this.thread = thread;
        this.target = target;
        this.end = end;
        this.alignment = alignment;
        this.memoryAlignment = memoryAlignment;
        this.durable = durable;
    }

    /// <summary>Whether a request needs nothing of this type.</summary>
    public bool IsAligned(long offset, IoMemory memory) =>
        ((offset | (long)memory.Length) & (alignment - 1)) == 0 && memory.IsAligned(memoryAlignment);

    /// <summary>Fills all of <paramref name="destination"/>, with zeroes beyond the end.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask ReadAsync(long offset, IoMemory destination)
    {
        while (destination.Length > 0)
        {
            var part = DirectLength(offset, destination);
            if (part > 0)
                await thread.Queue.ReadAsync(target, offset, destination.Slice(0, part));
            else
                part = await ReadBouncedAsync(offset, destination);
            offset += part;
            destination = destination.Slice(part);
        }
    }

    /// <summary>Writes all of <paramref name="source"/> and moves the file's end where needed.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask WriteAsync(long offset, IoMemory source)
    {
        var stop = offset + source.Length;
        var paddedStop = RoundUp(stop);
        var held = await locks.AcquireAsync(RoundDown(offset), paddedStop);
        try
        {
            while (source.Length > 0)
            {
                var part = DirectLength(offset, source);
                if (part > 0)
                    await thread.Queue.WriteAsync(target, offset, source.Slice(0, part), durable);
                else
                    part = await WriteBouncedAsync(offset, source);
                offset += part;
                source = source.Slice(part);
            }

            end.Length = Math.Max(end.Length, stop);
        }
        finally
        {
            end.PaddedLength = Math.Max(end.PaddedLength, paddedStop);
            locks.Release(held);
        }
    }

    /// <summary>Holds off writes of this type to a range, rounded to whole sectors; to be released with <see cref="Release"/>.</summary>
    /// <param name="offset">First byte.</param>
    /// <param name="stop">One past the last byte; <see cref="long.MaxValue"/> for all that follows.</param>
    public ValueTask<RangeLock.Entry> HoldAsync(long offset, long stop) =>
        locks.AcquireAsync(RoundDown(offset), stop > long.MaxValue - alignment ? long.MaxValue : RoundUp(stop));

    public void Release(RangeLock.Entry held) => locks.Release(held);

    /// <summary>Cuts padding off behind the file's end, if there is any.</summary>
    public ValueTask TrimAsync() => end.PaddedLength > end.Length ? TrimPaddingAsync() : ValueTask.CompletedTask;

    private async ValueTask TrimPaddingAsync()
    {
        var held = await HoldAsync(end.Length, long.MaxValue);
        try
        {
            if (end.PaddedLength <= end.Length)
                return;
            var length = end.Length;
            var answer = await thread.OffloadAsync(() => FileSystemCalls.SetLength(target.Descriptor, length));
            if (answer < 0)
                throw new BlockException(BlockException.KindOf(-answer), $"Could not resize file: {Errno.Message(-answer)}", -answer);
            end.Set(length);
        }
        finally
        {
            locks.Release(held);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<int> ReadBouncedAsync(long offset, IoMemory destination)
    {
        var head = (int)(offset & (alignment - 1));
        var length = BounceLength(head, destination);
        using var bounce = thread.Buffers.Rent(length);
        await thread.Queue.ReadAsync(target, offset - head, bounce.Memory);
        var part = Math.Min(destination.Length, length - head);
        bounce.Span.Slice(head, part).CopyTo(destination.Span);
        return part;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<int> WriteBouncedAsync(long offset, IoMemory source)
    {
        var head = (int)(offset & (alignment - 1));
        var start = offset - head;
        var length = BounceLength(head, source);
        var part = Math.Min(source.Length, length - head);
        using var bounce = thread.Buffers.Rent(length);
        var hasTail = head + part < length;
        if (head > 0)
            await ReadSectorAsync(start, bounce.Memory.Slice(0, alignment));
        if (hasTail && (head == 0 || length > alignment))
            await ReadSectorAsync(start + length - alignment, bounce.Memory.Slice(length - alignment));
        source.Span[..part].CopyTo(bounce.Span[head..]);
        await thread.Queue.WriteAsync(target, start, bounce.Memory, durable);
        return part;
    }

    private ValueTask ReadSectorAsync(long offset, IoMemory sector)
    {
        if (offset < end.PaddedLength)
            return thread.Queue.ReadAsync(target, offset, sector);
        sector.Span.Clear();
        return ValueTask.CompletedTask;
    }

    // How much of a request can go straight through from its start; 0 when its start must be bounced.
    private int DirectLength(long offset, IoMemory memory)
    {
        if ((offset & (alignment - 1)) != 0 || !memory.IsAligned(memoryAlignment))
            return 0;
        var whole = memory.Length & -alignment;
        return whole == memory.Length || whole > SmallBounce ? whole : 0;
    }

    // How much to bounce: all of a small request, only the first sector where the rest can then go straight through, else a bounded piece.
    private int BounceLength(int head, IoMemory memory)
    {
        var needed = RoundUp(head + (long)memory.Length);
        if (needed <= SmallBounce)
            return (int)needed;
        return head > 0 && memory.Slice(alignment - head).IsAligned(memoryAlignment)
            ? alignment
            : (int)Math.Min(needed, MaxBounce);
    }

    private long RoundDown(long offset) => offset & -(long)alignment;

    private long RoundUp(long offset) => (offset + alignment - 1) & -(long)alignment;
}
