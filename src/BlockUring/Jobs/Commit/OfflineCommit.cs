using BlockUring.Copy;
using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Storage;
using static BlockUring.Storage.ImagePermissions;

namespace BlockUring.Jobs.Commit;

/// <summary>
/// A commit in one go, while everybody who uses the images is held: an overlay's data goes into an image below, and the overlay stays on its chain,
/// as empty as it began on request.
/// </summary>
/// <remarks>At any instant the overlay shows what it did, also after a crash.</remarks>
public sealed class OfflineCommit
{
    private readonly BlockGraph graph;
    private readonly CommitRequest request;
    private readonly JobCrew crew;
    private readonly RateLimit limit;
    private readonly DiskUser user = new("an unnamed block device");

    private OfflineCommit(BlockGraph graph, CommitRequest request)
    {
        this.graph = graph;
        this.request = request;
        crew = new JobCrew(graph.Scheduler);
        limit = new RateLimit(graph.Scheduler.Time, request.Settings.Speed);
    }

    /// <summary>Told of the bytes of top that are done, or need nothing done.</summary>
    public Action<long> Advanced { get; private init; } = _ => { };

    /// <summary>Commits.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="request">Which; the device is top.</param>
    /// <param name="empties">Whether top loses what it holds, once the base has it.</param>
    /// <param name="advanced">Told of the bytes of top that are done, or need nothing done.</param>
    /// <exception cref="BlockException">Why not; top shows what it did, the base may have some of it.</exception>
    public static async ValueTask RunAsync(BlockGraph graph, CommitRequest request, bool empties, Action<long> advanced)
    {
        CommitDemands.Check(request);
        using var section = await graph.DrainAsync(request.Top, request.Base);
        var wasReadOnly = request.Base.Settings.ReadOnly;
        await GraphReopener.SetReadOnlyAsync(graph, request.Base, readOnly: false);
        try
        {
            var commit = new OfflineCommit(graph, request) { Advanced = advanced };
            await (request.Protection == null ? commit.MoveAsync(empties) : commit.MoveSafelyAsync(empties, request.Protection));
        }
        finally
        {
            await GraphReopener.SetReadOnlyAsync(graph, request.Base, wasReadOnly);
        }
    }

    private async ValueTask MoveAsync(bool empties)
    {
        // Why a filter: whoever uses the base as a backing file tolerates no writer.
        var filter = new CommitTopNode(graph.NextAutoName(), request.Base) { IsImplicit = true };
        await GraphEditor.InsertAsync(graph, filter, request.Base);
        try
        {
            await MoveAsync(empties, null);
        }
        finally
        {
            await GraphEditor.RemoveAsync(graph, filter);
        }
    }

    private async ValueTask MoveSafelyAsync(bool empties, OverlayProtection wanted)
    {
        var hold = await OverlayHold.TakeAsync(
            graph, request.Base, request.Top, wanted, user.Description, JobNodes.ReasonOf(JobType.Commit));
        try
        {
            hold.UseBy(user);
            await MoveAsync(empties, hold.Guard);
        }
        finally
        {
            await hold.GiveBackAsync();
        }
    }

    private async ValueTask MoveAsync(bool empties, OverlayGuard? guard)
    {
        try
        {
            graph.Attach(user, request.Base, "root", ConsistentRead | Write | Resize, ConsistentRead | WriteUnchanged);
            if (empties)
                graph.Attach(user, request.Top, "root", WriteUnchanged, NodeLink.AllPermissions);
            await CopyAsync(guard);
            await request.Base.FlushAsync();
            if (empties)
                await EmptyAsync();
        }
        finally
        {
            foreach (var link in user.Links.ToArray())
                graph.Detach(link);
        }
    }

    private async ValueTask CopyAsync(OverlayGuard? guard)
    {
        var (top, bottom) = (request.Top, request.Base);
        if (bottom.Length < top.Length)
            await NodeResize.ResizeAsync(bottom, top.Length);
        var settings = CommitJob.SettingsFor(bottom);
        using var copier = new RangeCopier(graph.Scheduler, top, bottom, settings);
        var planner = new CommitPlanner(top, bottom, settings) { Skipped = Advanced };
        crew.EndPause();
        if (guard is { IsIdle: false })
        {
            var ranges = await ProtectAsync(guard, planner, settings);
            await crew.RunAsync(CommitJob.WorkerCount, _ => CopyPiecesAsync(() => new(ranges.Next()), copier, guard));
        }
        else
        {
            await crew.RunAsync(CommitJob.WorkerCount, _ => CopyPiecesAsync(planner.NextAsync, copier, guard));
        }
    }

    // As the job does it: the plan first, then the overlays, and one flush of each.
    private async ValueTask<CommitRanges> ProtectAsync(OverlayGuard guard, CommitPlanner planner, RangeCopySettings settings)
    {
        var ranges = new CommitRanges(request.Top.Length, settings);
        for (var piece = await planner.NextAsync(); piece.Length > 0; piece = await planner.NextAsync())
            ranges.Add(piece);
        await crew.RunAsync(CommitJob.WorkerCount, async _ =>
        {
            for (var piece = ranges.Next(); piece.Length > 0; piece = ranges.Next())
            {
                crew.ThrowIfStopped();
                await guard.CopyAsync(piece.Offset, piece.Length);
            }
        });
        await guard.SettleAsync();
        ranges.Restart();
        return ranges;
    }

    private async ValueTask CopyPiecesAsync(Func<ValueTask<CommitPiece>> next, RangeCopier copier, OverlayGuard? guard)
    {
        for (var piece = await next(); piece.Length > 0; piece = await next())
        {
            if (!piece.IsZero && limit.Reserve(piece.Length) is var wait && wait > TimeSpan.Zero)
                await graph.Scheduler.DelayAsync(wait);
            crew.ThrowIfStopped();
            try
            {
                if (guard != null)
                    await guard.ProtectAsync(piece.Offset, piece.Length);
                await copier.CopyAsync(piece.Offset, piece.Length);
            }
            catch (CopyFailureException e)
            {
                throw e.Cause;
            }

            Advanced(piece.Length);
        }
    }

    private async ValueTask EmptyAsync()
    {
        try
        {
            if (request.Top.Layer is FormatNode image)
                await image.Image.Format.MakeEmptyAsync();
        }
        catch (BlockException e) when (e.Kind == BlockErrorKind.Unsupported)
        {
            // What it holds is the same as below.
        }
    }
}
