using System.Runtime.CompilerServices;
using BlockUring.Copy;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Jobs.Stream;

/// <summary>
/// Walks the maps of a chain once and hands out pieces: long ones that need nothing or are zeroes, chunks of data. All begin and end on whole
/// clusters of the top layer.
/// </summary>
/// <remarks>
/// What it finds stays true whatever is written meanwhile: the layers below the top do not change, and copies go only where the top holds nothing.
/// </remarks>
internal sealed class StreamPlanner
{
    // Why: bounds how long one question, and one request for zeroes, may take; progress shows in between.
    private const long MaxRun = 128 << 20;

    // Why: so that a pause need not wait for many small ones.
    private const int MaxJoined = 64;

    private readonly GuestDisk top;
    private readonly GuestDisk bottom;
    private readonly long length;
    private readonly RangeLock turn = new();
    private CopyPiece ahead;
    private long offset;

    /// <summary>Begins at the start.</summary>
    /// <param name="top">The layer that is filled.</param>
    /// <param name="bottom">The last layer whose data is taken.</param>
    public StreamPlanner(GuestDisk top, GuestDisk bottom)
    {
        (this.top, this.bottom) = (top, bottom);
        length = top.Length;
        Unit = Math.Max(512, top.ClusterLength);
        ShownLength = bottom.Backing?.Length ?? 0;
        var largest = Unit;
        for (var layer = top; layer != bottom; layer = layer.Backing!.Layer)
            largest = Math.Max(largest, layer.Backing!.ClusterLength);
        ChunkLength = Math.Max(MinChunkLength, largest);
    }

    /// <summary>The longest request for data in bytes, unless there are longer clusters. Why 1 MiB: more was no faster for other jobs.</summary>
    public const int MinChunkLength = 1 << 20;

    /// <summary>The unit of copying: a cluster of the top layer, in bytes.</summary>
    public int Unit { get; }

    /// <summary>The longest piece of data in bytes, a power of two.</summary>
    public int ChunkLength { get; }

    /// <summary>How far the base can be seen, in bytes: where it is not, zeroes need not be stored to hide it.</summary>
    public long ShownLength { get; }

    /// <summary>The next piece; one of length 0 at the end.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<CopyPiece> NextAsync()
    {
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            var piece = ahead.Length > 0 ? ahead : await FindAsync(offset);
            ahead = default;
            if (piece.Length == 0)
                return piece;
            var limit = piece.Action == CopyAction.Data ? ChunkLength - (piece.Offset & (ChunkLength - 1)) : MaxRun;
            for (var joined = 0; joined < MaxJoined && piece.Length < limit && piece.Offset + piece.Length < length; joined++)
            {
                var next = await FindAsync(piece.Offset + piece.Length);
                if (next.Action != piece.Action)
                {
                    ahead = next;
                    break;
                }

                piece = piece with { Length = piece.Length + next.Length };
            }

            if (piece.Length > limit)
                (piece, ahead) = (piece with { Length = limit }, piece with { Offset = piece.Offset + limit, Length = piece.Length - limit });
            offset = piece.Offset + piece.Length;
            return piece;
        }
        finally
        {
            turn.Release(held);
        }
    }

    // A run of whole clusters; one that cannot be looked up is data: reading it fails, or shows what it is.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<CopyPiece> FindAsync(long at)
    {
        if (at >= length)
            return default;
        try
        {
            var (kind, run) = await AskAsync(at, Math.Min(MaxRun, length - at));
            if (at + run < length)
            {
                var whole = run & -Unit;
                if (whole == 0)
                    return await FindMixedAsync(at, kind, run);
                run = whole;
            }

            return new CopyPiece(ActionFor(kind), at, run);
        }
        catch (BlockException)
        {
            return new CopyPiece(CopyAction.Data, at, Math.Min(length - at, ChunkLength - (at & (ChunkLength - 1))));
        }
    }

    // A cluster of which one part is this, and another that. What the top holds of it already (subclusters) it keeps.
    private async ValueTask<CopyPiece> FindMixedAsync(long at, RunKind kind, long known)
    {
        var size = Math.Min(Unit, length - at);
        while (known < size)
        {
            var (next, run) = await AskAsync(at + known, size - known);
            known += run;
            if (kind == RunKind.Held)
                kind = next;
            else if (next != kind && next != RunKind.Held)
                kind = RunKind.Data;
        }

        return new CopyPiece(ActionFor(kind), at, size);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<(RunKind Kind, long Length)> AskAsync(long at, long maxLength)
    {
        var layer = top;
        var status = await layer.GetLayerStatusAsync(at, maxLength, false);
        if (status.IsAllocated)
            return (RunKind.Held, status.Length);
        var run = at < ShownLength ? Math.Min(status.Length, ShownLength - at) : status.Length;
        while (layer != bottom && layer.Backing?.Layer is { } below)
        {
            // A layer that ends before hides what is below it.
            if (at >= below.Length)
                return (at < ShownLength ? RunKind.Zero : RunKind.Base, run);
            layer = below;
            status = await layer.GetLayerStatusAsync(at, Math.Min(run, below.Length - at));
            run = status.Length;
            if (!status.IsAllocated)
                continue;
            if (!status.IsZero)
                return (RunKind.Data, run);

            // At the end of the chain nothing would be hidden by them.
            return (layer == bottom && at >= ShownLength ? RunKind.Base : RunKind.Zero, run);
        }

        return (RunKind.Base, run);
    }

    private static CopyAction ActionFor(RunKind kind) => kind switch
    {
        RunKind.Data => CopyAction.Data,
        RunKind.Zero => CopyAction.Zero,
        _ => CopyAction.Skip,
    };

    private enum RunKind
    {
        // The top layer holds it.
        Held,

        // None of the layers does: the base is seen, or zeroes.
        Base,

        // Zeroes that hide the base.
        Zero,

        // A layer below the top holds it.
        Data,
    }
}
