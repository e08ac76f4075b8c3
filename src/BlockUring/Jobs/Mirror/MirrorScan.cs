using System.Runtime.CompilerServices;
using BlockUring.Copy;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs.Backup;
using BlockUring.Storage;

namespace BlockUring.Jobs.Mirror;

/// <summary>Goes over the source once and finds out what there is to copy at first; long runs of zeroes are copied right here, as metadata.</summary>
internal sealed class MirrorScan
{
    // What is looked at in one go, in bytes.
    private const long MaxRun = 1L << 30;

    // Why: it holds up writes of the guest to the same range.
    private const long MaxZeroRun = 64L << 20;

    private readonly MirrorCopy copy;
    private readonly BlockNode source;
    private readonly GuestDisk? below;
    private readonly bool isTopOnly;
    private readonly bool skipsZeroes;

    public MirrorScan(MirrorCopy copy, MirrorRequest request)
    {
        this.copy = copy;
        source = request.Source;
        below = request.IsCommit ? request.Target : null;
        isTopOnly = request.Sync == BackupSync.Top;
        skipsZeroes = request.TargetIsZero;
        Position = request.Sync is BackupSync.Full or BackupSync.Top ? 0 : copy.Length;
    }

    /// <summary>Bytes up to which it is known what there is to copy.</summary>
    public long Position { get; private set; }

    public bool IsOver => Position >= copy.Length;

    /// <summary>Looks at the next run.</summary>
    /// <exception cref="CopyFailureException">It cannot be looked at, or be zeroed; it will be tried again.</exception>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask StepAsync()
    {
        var (start, rest) = (Position, Math.Min(MaxRun, copy.Length - Position));
        var (length, isWanted, isZero) = await LookAsync(start, rest);
        if (isWanted && isZero)
        {
            var (_, end) = copy.WholeChunks(start, Math.Min(length, skipsZeroes ? MaxRun : MaxZeroRun));
            if (end > start)
            {
                if (!skipsZeroes)
                    await copy.CopyAsync(start, end - start);
                Position = end;
                return;
            }
        }

        Position = EndOfRun(start, length, isWanted);
        if (isWanted)
            copy.MarkDirty(start, Position - start);
    }

    /// <summary>What was not looked at is dirty.</summary>
    public void GiveUp()
    {
        var start = Position;
        Position = copy.Length;
        copy.MarkDirty(start, copy.Length - start);
    }

    // What is wanted takes all of its last chunk along; what is not leaves it to the run behind it.
    private long EndOfRun(long start, long length, bool isWanted)
    {
        var granularity = copy.Dirty.Granularity;
        var end = start + length;
        if (isWanted || end >= copy.Length)
            return Math.Min(copy.Length, (end + granularity - 1) & -granularity);
        end &= -granularity;
        if (end > start)
            return end;
        copy.MarkDirty(start, granularity);
        return Math.Min(copy.Length, start + granularity);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<(long Length, bool IsWanted, bool IsZero)> LookAsync(long start, long length)
    {
        try
        {
            if (isTopOnly)
            {
                var own = await source.Layer.GetLayerStatusAsync(start, length, wantZero: false);
                return (own.Length, own.IsAllocated, false);
            }

            var status = await source.GetStatusAsync(start, length, below);
            // Why zero: a layer that is too short to show what is below it reads as zeroes there.
            return (status.Length, below == null || status.IsAllocated || status.IsZero, status.IsZero);
        }
        catch (BlockException e)
        {
            throw new CopyFailureException(true, e);
        }
    }
}
