using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Jobs.Rebase;

/// <summary>Walks the maps of an overlay and of both chains once and hands out pieces; all begin and end on whole units of the overlay.</summary>
internal sealed class RebasePlanner
{
    // Why: bounds how long one question, and one request for zeroes, may take; progress shows in between.
    private const long MaxRun = 128 << 20;
    private const int MinChunkLength = 1 << 20;
    private const int MinUnit = 512;

    private readonly Image overlay;
    private readonly RebaseSide before;
    private readonly RebaseSide after;
    private readonly RangeLock turn = new();
    private RebasePiece ahead;
    private long offset;

    /// <summary>Begins at the start.</summary>
    /// <param name="overlay">The image.</param>
    /// <param name="before">The chain below it.</param>
    /// <param name="after">The chain that will be below it.</param>
    /// <param name="wholeClusters">Whether pieces are whole clusters, rather than subclusters.</param>
    public RebasePlanner(Image overlay, RebaseSide before, RebaseSide after, bool wholeClusters)
    {
        (this.overlay, this.before, this.after) = (overlay, before, after);
        Unit = Math.Max(MinUnit, wholeClusters ? overlay.ClusterLength : overlay.Format.AllocationGranularity);
        ChunkLength = Math.Max(Math.Max(MinChunkLength, overlay.ClusterLength), Math.Max(LongestCluster(before.Disk), LongestCluster(after.Disk)));
    }

    /// <summary>What the overlay holds on its own or not: a cluster or subcluster, in bytes.</summary>
    public int Unit { get; }

    /// <summary>The longest piece that is read, in bytes, a power of two.</summary>
    public int ChunkLength { get; }

    /// <summary>The next piece; one of length 0 at the end.</summary>
    /// <exception cref="BlockException">A map could not be read.</exception>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<RebasePiece> NextAsync()
    {
        var held = await turn.AcquireAsync(0, 1);
        try
        {
            var piece = ahead.Length > 0 ? ahead : await FindAsync(offset);
            ahead = default;
            var limit = IsRead(piece) ? ChunkLength - (piece.Offset & (ChunkLength - 1)) : MaxRun;
            while (piece.Length > 0 && piece.Length < limit)
            {
                ahead = await FindAsync(piece.Offset + piece.Length);
                if (ahead.Length == 0 || ahead.Action != piece.Action || ahead.IsPartlyHeld != piece.IsPartlyHeld)
                    break;
                piece = piece with { Length = piece.Length + ahead.Length };
                ahead = default;
            }

            if (piece.Length > limit)
            {
                ahead = piece with { Offset = piece.Offset + limit, Length = piece.Length - limit };
                piece = piece with { Length = limit };
            }

            offset = piece.Offset + piece.Length;
            return piece;
        }
        finally
        {
            turn.Release(held);
        }
    }

    private static bool IsRead(RebasePiece piece) => piece.Action is RebaseAction.Copy or RebaseAction.Compare;

    // A compressed cluster is read whole.
    private static int LongestCluster(GuestDisk? disk)
    {
        var longest = 0;
        for (var layer = disk?.Layer; layer != null; layer = layer.Backing?.Layer)
            longest = Math.Max(longest, layer.ClusterLength);
        return longest;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<RebasePiece> FindAsync(long at)
    {
        if (at >= overlay.Length)
            return new RebasePiece(RebaseAction.Skip, at, 0);
        var (kind, run) = await AskAsync(at, Math.Min(MaxRun, overlay.Length - at));
        if (at + run == overlay.Length)
            return new RebasePiece(ActionFor(kind), at, run);
        var whole = run & -Unit;
        return whole > 0 ? new RebasePiece(ActionFor(kind), at, whole) : await FindMixedAsync(at, kind, run);
    }

    // A unit of which one part is this, and another that.
    private async ValueTask<RebasePiece> FindMixedAsync(long at, RunKind kind, long known)
    {
        var size = Math.Min(Unit, overlay.Length - at);
        var isPartlyHeld = false;
        while (known < size)
        {
            var (next, run) = await AskAsync(at + known, size - known);
            known += run;
            isPartlyHeld |= (kind == RunKind.Held) != (next == RunKind.Held);
            if (kind == RunKind.Held)
                kind = next;
            else if (next != kind && next != RunKind.Held)
                kind = RunKind.Different;
        }

        return new RebasePiece(ActionFor(kind), at, size, isPartlyHeld);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<(RunKind Kind, long Length)> AskAsync(long at, long maxLength)
    {
        var status = await overlay.GetLayerStatusAsync(at, maxLength, false);
        var run = Math.Min(maxLength, status.Length);
        if (status.IsAllocated)
            return (RunKind.Held, run);
        (var old, run) = await before.AskAsync(at, run);
        (var next, run) = await after.AskAsync(at, run);
        return (KindOf(old, next), run);
    }

    private RunKind KindOf(RebaseSide.Kind old, RebaseSide.Kind next)
    {
        if (old == next && old != RebaseSide.Kind.Own)
            return RunKind.Same;
        if (next == RebaseSide.Kind.Zero)
            return RunKind.OldAlone;

        // Why: zeroes that take space are worth a look whether the new chain shows some, too.
        return old == RebaseSide.Kind.Zero && overlay.Format.HasZeroClusters ? RunKind.Zero : RunKind.Different;
    }

    private static RebaseAction ActionFor(RunKind kind) => kind switch
    {
        RunKind.Zero => RebaseAction.Zero,
        RunKind.OldAlone => RebaseAction.Copy,
        RunKind.Different => RebaseAction.Compare,
        _ => RebaseAction.Skip,
    };

    private enum RunKind
    {
        // The overlay holds it.
        Held,

        // Both chains show the same.
        Same,

        // The old chain shows zeroes, the new one may not.
        Zero,

        // The old chain shows something, the new one zeroes.
        OldAlone,

        // They may show something different.
        Different,
    }
}
