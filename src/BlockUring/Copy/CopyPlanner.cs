using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Copy;

/// <summary>Walks the source's map once and hands out pieces: long ones of zeroes and holes, chunks of data.</summary>
internal sealed class CopyPlanner
{
    // Why: bounds how long one question to the map may take; progress shows in between.
    private const long MaxQuestion = 1L << 30;

    private readonly CopySettings settings;
    private readonly RangeLock turn = new();
    private long offset;
    private CopyPiece known;

    public CopyPlanner(CopySettings settings) => this.settings = settings;

    /// <summary>Source bytes handed out so far.</summary>
    public long Offset => offset;

    /// <summary>The next piece; one of length 0 at the end.</summary>
    public ValueTask<CopyPiece> NextAsync() => TryNext(out var piece) ? new(piece) : NextInTurnAsync();

    // The part of a long run that is known already needs no waiting.
    private bool TryNext(out CopyPiece piece)
    {
        piece = default;
        if (turn.IsHeld || known.Length == 0 || known.Action != CopyAction.Data || known.Length < settings.ChunkLength)
            return false;
        piece = TakeChunk();
        return true;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<CopyPiece> NextInTurnAsync()
    {
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            if (known.Length == 0)
                known = Align(await AskAsync(offset));
            if (known.Length == 0 || known.Action != CopyAction.Data)
                return TakeAll();
            while (known.Length < DistanceToChunkEnd())
            {
                var next = Align(await AskAsync(offset + known.Length));
                if (next.Length == 0 || next.Action != CopyAction.Data)
                    return TakeChunkAnd(next);
                known = Join(known, next);
            }

            return TakeChunk();
        }
        finally
        {
            turn.Release(held);
        }
    }

    // A piece that ends inside a cluster of the target: data takes the rest of the cluster along; of zeroes only whole clusters count,
    // and where there is none, the cluster is read as data.
    private CopyPiece Align(CopyPiece piece)
    {
        var mask = settings.PieceAlignment - 1L;
        var end = piece.Offset + piece.Length;
        if ((end & mask) == 0 || end == settings.Source.Length)
            return piece;
        var down = end & ~mask;
        var up = Math.Min(settings.Source.Length, down + mask + 1);
        return piece.Action != CopyAction.Data && down > piece.Offset
            ? piece with { Length = down - piece.Offset }
            : new CopyPiece(CopyAction.Data, piece.Offset, up - piece.Offset);
    }

    private static CopyPiece Join(CopyPiece a, CopyPiece b)
    {
        var isContiguous = a.HostOffset >= 0 && a.File == b.File && a.HostOffset + a.Length == b.HostOffset;
        return isContiguous
            ? a with { Length = a.Length + b.Length }
            : new CopyPiece(CopyAction.Data, a.Offset, a.Length + b.Length);
    }

    // Chunks end on multiples of their length, so that clusters of the target are not split between workers.
    private long DistanceToChunkEnd() => settings.ChunkLength - (offset & (settings.ChunkLength - 1));

    private CopyPiece TakeChunk()
    {
        var length = Math.Min(known.Length, DistanceToChunkEnd());
        var piece = known with { Length = length };
        offset += length;
        known = known.Length == length
            ? default
            : known with
            {
                Offset = offset,
                Length = known.Length - length,
                HostOffset = known.HostOffset < 0 ? -1 : known.HostOffset + length,
            };
        return piece;
    }

    private CopyPiece TakeAll()
    {
        var piece = known;
        offset += piece.Length;
        known = default;
        return piece;
    }

    private CopyPiece TakeChunkAnd(CopyPiece next)
    {
        var piece = TakeAll();
        known = next;
        return piece;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<CopyPiece> AskAsync(long at)
    {
        var source = settings.Source;
        if (at >= source.Length)
            return default;
        var topOnly = settings.TargetHasBacking && at < settings.TargetBackingLength;
        var limit = Math.Min(MaxQuestion, source.Length - at);
        if (topOnly)
            limit = Math.Min(limit, settings.TargetBackingLength - at);
        BlockStatus status;
        try
        {
            status = await source.GetStatusAsync(at, limit, topOnly);
        }
        catch (BlockException e)
        {
            if (!settings.Salvage)
                throw new BlockException(e.Kind, $"error while reading block status at offset {at}: {Text(e)}", e.ErrorNumber, e);

            // What cannot even be located is read, and salvaged, sector by sector.
            status = new BlockStatus(Math.Min(limit, settings.ChunkLength), true, false, true);
        }

        return new CopyPiece(ActionFor(status, topOnly), at, status.Length, status.IsCompressed ? null : status.File, status.HostOffset);
    }

    private CopyAction ActionFor(BlockStatus status, bool topOnly)
    {
        // Why: what is zero without the source's backing file need not be zero in the target's.
        if (status.IsZero)
            return settings.SparseLength == 0 ? CopyAction.Data : CopyAction.Zero;
        if (topOnly && !status.IsAllocated)
            return CopyAction.Skip;
        return CopyAction.Data;
    }

    private static string Text(BlockException e) =>
        e.ErrorNumber != 0 ? Native.Interop.Errno.Message(e.ErrorNumber) : e.Message;
}
