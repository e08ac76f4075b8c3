using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Native.Codecs;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Copy;

/// <summary>
/// Copies ranges from one disk to another: holes and zeroes by metadata, data through pooled buffers with its zeroes found. What is to be copied
/// when, and what must wait for what, is the caller's business.
/// </summary>
/// <remarks>One thread only; many ranges at a time. Disposing it frees codecs and buffers, when nothing is in flight.</remarks>
public sealed class RangeCopier : IDisposable
{
    /// <summary>The most bytes of data in flight, save that one chunk may always be.</summary>
    public const long MaxBufferedBytes = 128 << 20;

    private readonly Scheduler scheduler;
    private readonly GuestDisk source;
    private readonly GuestDisk target;
    private readonly RangeCopySettings settings;
    private readonly CodecPool? codecs;
    private readonly Stack<ChunkWriter> idleWriters = new();
    private long bufferedBytes;
    private Arrival? bufferReturned;

    /// <summary>Prepares copies.</summary>
    /// <param name="scheduler">The thread of both disks.</param>
    /// <param name="source">Read.</param>
    /// <param name="target">Written; at least as long as what is copied.</param>
    /// <param name="settings">How.</param>
    public RangeCopier(Scheduler scheduler, GuestDisk source, GuestDisk target, RangeCopySettings settings)
    {
        this.scheduler = scheduler;
        this.source = source;
        this.target = target;
        this.settings = settings;
        codecs = settings.Compression is { } type ? new CodecPool(type) : null;
    }

    /// <summary>The unit of copying in bytes.</summary>
    private int ClusterLength => settings.ClusterLength;

    /// <summary>Copies a range.</summary>
    /// <param name="offset">Bytes; a multiple of the unit.</param>
    /// <param name="length">Bytes; a multiple of the unit, save at the end of the disk; data in it is read in chunks of the settings' length.</param>
    /// <returns>Bytes copied, or found to be zeroes; not those that no layer wanted holds.</returns>
    /// <exception cref="CopyFailureException">Which side failed, of what. Some of the range may have been copied.</exception>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<long> CopyAsync(long offset, long length)
    {
        if (!idleWriters.TryPop(out var writer))
            writer = MakeWriter();
        try
        {
            return await MoveAsync(writer, offset, length);
        }
        finally
        {
            idleWriters.Push(writer);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (idleWriters.TryPop(out var writer))
            writer.Dispose();
        codecs?.Dispose();
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<long> MoveAsync(ChunkWriter writer, long offset, long length)
    {
        var (at, left, done) = (offset, length, length);
        while (left > 0)
        {
            var piece = await ClassifyAsync(at, left);
            if (piece.Action == CopyAction.Data)
            {
                piece = piece with { Length = Math.Min(piece.Length, settings.MaxChunk - (at & (settings.MaxChunk - 1))) };
                await MoveDataAsync(writer, at, (int)piece.Length);
            }
            else if (piece.Action == CopyAction.Zero)
            {
                await ZeroAsync(at, piece.Length);
            }
            else
            {
                done -= piece.Length;
            }

            at += piece.Length;
            left -= piece.Length;
        }

        return done;
    }

    // What the run is, in whole clusters: one that is only partly zero, or partly unallocated, is data.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<CopyPiece> ClassifyAsync(long offset, long length)
    {
        try
        {
            var status = await StatusAsync(offset, length);
            var action = ActionFor(status);
            if (status.Length >= length)
                return new CopyPiece(action, offset, length);
            var whole = status.Length & -(long)ClusterLength;
            if (action == CopyAction.Data)
                return new CopyPiece(action, offset, Math.Min(length, whole == status.Length ? whole : whole + ClusterLength));
            if (whole > 0)
                return new CopyPiece(action, offset, whole);
            return await ClassifyMixedAsync(offset, Math.Min(length, ClusterLength), status.Length, action);
        }
        catch (BlockException e)
        {
            throw new CopyFailureException(true, e);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<CopyPiece> ClassifyMixedAsync(long offset, long length, long known, CopyAction action)
    {
        while (known < length)
        {
            var status = await StatusAsync(offset + known, length - known);
            if (ActionFor(status) != action)
                return new CopyPiece(CopyAction.Data, offset, length);
            known += status.Length;
        }

        return new CopyPiece(action, offset, length);
    }

    private ValueTask<BlockStatus> StatusAsync(long offset, long length) =>
        settings.TopOnly ? source.Layer.GetLayerStatusAsync(offset, length) : source.GetStatusAsync(offset, length, settings.Below);

    private CopyAction ActionFor(BlockStatus status)
    {
        if (status.IsAllocated)
            return status.IsZero ? CopyAction.Zero : CopyAction.Data;
        if (settings.TopOnly || (settings.Below != null && !status.IsZero))
            return CopyAction.Skip;
        return status.IsZero ? CopyAction.Zero : CopyAction.Data;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask MoveDataAsync(ChunkWriter writer, long offset, int length)
    {
        // Why whole clusters: the compressor pads the last one in place.
        var padded = (length + ClusterLength - 1) & -ClusterLength;
        while (bufferedBytes > 0 && bufferedBytes + padded > MaxBufferedBytes)
            await (bufferReturned ??= new Arrival());
        bufferedBytes += padded;
        try
        {
            using var buffer = scheduler.Buffers.Rent(padded);
            await MoveThroughAsync(writer, offset, buffer.Memory.Slice(0, length));
        }
        catch (InsufficientMemoryException e)
        {
            throw new CopyFailureException(false, new BlockException(BlockErrorKind.Limit, e.Message, Errno.ENOMEM, e));
        }
        finally
        {
            bufferedBytes -= padded;
            var waiters = bufferReturned;
            bufferReturned = null;
            waiters?.Succeed();
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask MoveThroughAsync(ChunkWriter writer, long offset, IoMemory memory)
    {
        try
        {
            await source.ReadAsync(offset, memory);
        }
        catch (BlockException e)
        {
            throw new CopyFailureException(true, e);
        }

        try
        {
            await writer.WriteAsync(offset, memory);
        }
        catch (BlockException e)
        {
            throw new CopyFailureException(false, e);
        }
    }

    // What reads as zeroes already, without a backing file that might show something else some day, is left alone.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ZeroAsync(long offset, long length)
    {
        try
        {
            while (length > 0)
            {
                var status = await target.Layer.GetLayerStatusAsync(offset, length);
                if (!status.IsZero || (!status.IsAllocated && (target.MayShowBacking || settings.StoresZeroes)))
                    await target.WriteZeroesAsync(offset, status.Length, settings.StoresZeroes ? WriteFlags.None : WriteFlags.MayUnmap);
                offset += status.Length;
                length -= status.Length;
            }
        }
        catch (BlockException e)
        {
            throw new CopyFailureException(false, e);
        }
    }

    private int ZeroGranularity => target.RewritesClusters
        ? target.ClusterLength
        : Math.Min(settings.MaxChunk, Math.Max(4096, Math.Min(ClusterLength, 64 << 10)));

    private ChunkWriter MakeWriter() => new(target, ZeroGranularity)
    {
        ZeroFlags = settings.StoresZeroes ? WriteFlags.None : WriteFlags.MayUnmap,
        Compressor = codecs == null ? null : new ClusterCompressor(scheduler, target, codecs),
    };
}
