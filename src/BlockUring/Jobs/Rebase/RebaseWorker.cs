using System.Runtime.CompilerServices;
using BlockUring.Copy;
using BlockUring.Images;
using BlockUring.Native.Codecs;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Jobs.Rebase;

/// <summary>Deals with the pieces of a rebase, one at a time.</summary>
internal sealed class RebaseWorker : IDisposable
{
    // Why: shorter runs of zeroes cost more to store apart than as data.
    private const int MinZeroLength = 4096;

    private readonly Image overlay;
    private readonly RebaseSide before;
    private readonly RebaseSide after;
    private readonly int unit;
    private readonly ChunkWriter plain;
    private readonly ChunkWriter writer;
    private bool storesZeroes;

    /// <summary>Makes one.</summary>
    /// <param name="scheduler">Compresses beside other work.</param>
    /// <param name="overlay">Written.</param>
    /// <param name="before">The chain that is below it.</param>
    /// <param name="after">The chain that will be.</param>
    /// <param name="unit">What is stored whole or not at all, in bytes.</param>
    /// <param name="codecs">Compress clusters; null for not.</param>
    public RebaseWorker(Scheduler scheduler, Image overlay, RebaseSide before, RebaseSide after, int unit, CodecPool? codecs)
    {
        (this.overlay, this.before, this.after, this.unit) = (overlay, before, after, unit);
        plain = MakeWriter(null);
        writer = codecs == null ? plain : MakeWriter(new ClusterCompressor(scheduler, overlay, codecs));
    }

    /// <summary>Deals with a piece.</summary>
    /// <exception cref="BlockException">A request failed.</exception>
    public async ValueTask RunAsync(RebasePiece piece)
    {
        switch (piece.Action)
        {
            case RebaseAction.Zero:
                await StoreAsync(plain, piece.Offset, piece.Length);
                break;
            case RebaseAction.Copy or RebaseAction.Compare:
                await MoveAsync(piece);
                break;
        }
    }

    /// <summary>A failure with what was attempted.</summary>
    public static BlockException Explain(string what, BlockException e) =>
        new(e.Kind, $"{what}: {(e.ErrorNumber != 0 ? Errno.Message(e.ErrorNumber) : e.Message)}", e.ErrorNumber, e) { Path = e.Path, Offset = e.Offset };

    public void Dispose()
    {
        writer.Dispose();
        plain.Dispose();
    }

    private ChunkWriter MakeWriter(ClusterCompressor? compressor) => new(overlay, Math.Max(unit, MinZeroLength))
    {
        Flags = WriteFlags.Unchanged,
        ZeroFlags = WriteFlags.None,
        Compressor = compressor,
        MustStoreZeroes = _ => storesZeroes,
    };

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask MoveAsync(RebasePiece piece)
    {
        // Why whole clusters: the compressor pads the last one in place.
        var cluster = Math.Max(1, overlay.ClusterLength);
        var length = (int)piece.Length;
        using var old = overlay.Buffers.Rent((length + cluster - 1) & -cluster);
        var shown = old.Memory.Slice(0, length);
        var chosen = piece.IsPartlyHeld ? plain : writer;
        if (piece.Action == RebaseAction.Copy)
        {
            await ReadAsync(before, piece.Offset, shown, "error while reading from old backing file");
            storesZeroes = false;
            await StoreAsync(chosen, piece.Offset, shown);
            return;
        }

        using var next = overlay.Buffers.Rent(length);
        await ReadBothAsync(piece.Offset, shown, next.Memory);
        storesZeroes = true;
        for (var at = 0; FindDifferent(shown.Span, next.Span, at) is var (start, end) && start < end; at = end)
            await StoreAsync(chosen, piece.Offset + start, shown.Slice(start, end - start));
    }

    private async ValueTask ReadBothAsync(long offset, IoMemory old, IoMemory next)
    {
        var reading = ReadAsync(after, offset, next, "error while reading from new backing file").Preserve();
        try
        {
            await ReadAsync(before, offset, old, "error while reading from old backing file");
        }
        catch (BlockException)
        {
            await IgnoreAsync(reading);
            throw;
        }

        await reading;
    }

    // The next units in a row, from a place on, of which each is different.
    private (int Start, int End) FindDifferent(ReadOnlySpan<byte> old, ReadOnlySpan<byte> next, int from)
    {
        var first = from + old[from..].CommonPrefixLength(next[from..]);
        if (first == old.Length)
            return (first, first);
        var start = first & -unit;
        var end = start;
        while (end < old.Length)
        {
            var part = Math.Min(unit, old.Length - end);
            if (old.Slice(end, part).SequenceEqual(next.Slice(end, part)))
                break;
            end += part;
        }

        return (start, end);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private static async ValueTask ReadAsync(RebaseSide side, long offset, IoMemory destination, string failed)
    {
        try
        {
            await side.ReadAsync(offset, destination);
        }
        catch (BlockException e)
        {
            throw Explain(failed, e);
        }
    }

    private static async ValueTask IgnoreAsync(ValueTask request)
    {
        try
        {
            await request;
        }
        catch (BlockException)
        {
            // The other side's failure is reported.
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private static async ValueTask StoreAsync(ChunkWriter writer, long offset, IoMemory memory)
    {
        try
        {
            await writer.WriteAsync(offset, memory);
        }
        catch (BlockException e)
        {
            throw Explain("Error while writing to COW image", e);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask StoreAsync(ChunkWriter writer, long offset, long length)
    {
        storesZeroes = true;
        try
        {
            await writer.ZeroAsync(offset, length);
        }
        catch (BlockException e)
        {
            throw Explain("Error while writing to COW image", e);
        }
    }
}
