using BlockUring.Copy;
using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Jobs.Commit;

/// <summary>
/// Moves what a chain of images holds above a base into the base, and takes those images out from between the base and their overlays. Nobody
/// writes to them meanwhile; their overlays may be in use, and see no difference at any time.
/// </summary>
/// <remarks>
/// Until the end only the base changes, and nothing in it that the overlays see: so an error, a cancel or a crash leaves the chain as it was, with
/// a base that makes sense as part of it only.
/// </remarks>
public sealed class CommitJob : BlockJob
{
    /// <summary>Requests in flight.</summary>
    internal const int WorkerCount = 16;

    private const int MinUnit = 4096;
    private const int MaxUnit = 64 << 10;
    private const int MinChunk = 1 << 20;

    private readonly BlockGraph graph;
    private readonly CommitRequest request;
    private readonly CommitNodes nodes;
    private readonly RangeCopier copier;
    private readonly CommitPlanner planner;
    private CommitRanges? known;

    private CommitJob(BlockGraph graph, CommitRequest request, RangeCopier copier, CommitPlanner planner)
        : base(graph.Scheduler, JobType.Commit, request.Settings)
    {
        this.graph = graph;
        this.request = request;
        this.copier = copier;
        this.planner = planner;
        planner.Skipped = Progress.Advance;
        nodes = new CommitNodes(graph, this, request);
        Progress.SetRemaining(request.Top.Length);
    }

    /// <summary>Makes a job that is known and not started.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="jobs">Where it will be known.</param>
    /// <param name="request">What is wanted; not <see cref="CommitRequest.IsActive"/>.</param>
    /// <exception cref="BlockException">Why not; everything is as before.</exception>
    public static async ValueTask<CommitJob> CreateAsync(BlockGraph graph, JobList jobs, CommitRequest request)
    {
        CommitDemands.Check(request);
        var settings = SettingsFor(request.Base);
        var job = new CommitJob(
            graph,
            request,
            new RangeCopier(graph.Scheduler, request.Top, request.Base, settings),
            new CommitPlanner(request.Top, request.Base, settings));
        jobs.Add(job);
        try
        {
            await job.nodes.TakeAsync();
            return job;
        }
        catch
        {
            job.Discard();
            await job.ReleaseAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask RunAsync()
    {
        await DoAsync(isRead: false, GrowBaseAsync);
        if (nodes.Guard is { IsIdle: false } guard)
            await ProtectAsync(guard);
        await RunWorkersAsync(WorkerCount, _ => CopyPiecesAsync());
        await DoAsync(isRead: false, request.Base.FlushAsync);
    }

    /// <inheritdoc/>
    protected override async ValueTask PrepareAsync()
    {
        using var change = await graph.BeginChangeAsync();
        await nodes.DropAsync(request.BackingFile);
    }

    /// <inheritdoc/>
    protected override async ValueTask CleanAsync()
    {
        using var change = await graph.BeginChangeAsync();
        await ReleaseAsync();
    }

    // Why a unit below the base's cluster: of a large one that is there already, only what changes is written. Why no chunk below it: one that is
    // not there yet is written whole, by one worker.
    internal static RangeCopySettings SettingsFor(BlockNode bottom) => new()
    {
        ClusterLength = Math.Clamp(bottom.ClusterLength, MinUnit, MaxUnit),
        MaxChunk = Math.Max(MinChunk, bottom.ClusterLength),
        Below = bottom,
    };

    // What is added reads as zeroes, a longer backing file of the base notwithstanding; it is as much as the overlays see there.
    private async ValueTask GrowBaseAsync()
    {
        if (request.Base.Length < request.Top.Length)
            await NodeResize.ResizeAsync(request.Base, request.Top.Length);
    }

    // All that will be written to the base goes into its other overlays first, as far as they lack it, and is made durable by one flush of each.
    // Why the plan is made before: what an overlay of the chain gets would be taken for something to commit.
    private async ValueTask ProtectAsync(OverlayGuard guard)
    {
        var ranges = new CommitRanges(request.Top.Length, SettingsFor(request.Base));
        for (var piece = await PlanNextAsync(); piece.Length > 0; piece = await PlanNextAsync())
            ranges.Add(piece);
        Progress.AddRemaining(ranges.TotalBytes);
        await RunWorkersAsync(WorkerCount, async _ =>
        {
            for (var piece = ranges.Next(); piece.Length > 0; piece = ranges.Next())
                await ProtectAsync(guard, piece);
        });
        await DoAsync(isRead: false, guard.SettleAsync);
        ranges.Restart();
        known = ranges;
    }

    private async ValueTask ProtectAsync(OverlayGuard guard, CommitPiece piece)
    {
        if (!piece.IsZero)
            await WaitForTurnAsync(piece.Length);
        await DoAsync(isRead: false, async () =>
        {
            await guard.CopyAsync(piece.Offset, piece.Length);
            Progress.Advance(piece.Length);
        });
    }

    private async ValueTask CopyPiecesAsync()
    {
        for (var piece = await NextPieceAsync(); piece.Length > 0; piece = await NextPieceAsync())
        {
            if (!piece.IsZero)
                await WaitForTurnAsync(piece.Length);
            await CopyAsync(piece);
        }
    }

    private async ValueTask<CommitPiece> NextPieceAsync() => known == null ? await PlanNextAsync() : known.Next();

    private async ValueTask<CommitPiece> PlanNextAsync()
    {
        CommitPiece piece = default;
        await DoAsync(isRead: true, async () => piece = await planner.NextAsync());
        return piece;
    }

    private ValueTask CopyAsync(CommitPiece piece) => DoAsync(isRead: false, async () =>
    {
        if (nodes.Guard is { } guard)
            await guard.ProtectAsync(piece.Offset, piece.Length);
        await copier.CopyAsync(piece.Offset, piece.Length);
        Progress.Advance(piece.Length);
    });

    // One step, again and again until it succeeds, or the user's policy says that its failure is the job's. Why ignoring is trying again: nothing
    // can be left out of what is about to replace the images that it comes from.
    private async ValueTask DoAsync(bool isRead, Func<ValueTask> step)
    {
        var backoff = new Backoff();
        while (true)
        {
            await EnterAsync();
            JobErrorAction action;
            try
            {
                await step();
                return;
            }
            catch (BlockException e)
            {
                action = HandleError(request.OnError, isRead, e);
                if (action == JobErrorAction.Report)
                    throw;
            }
            catch (CopyFailureException e)
            {
                action = HandleError(request.OnError, e.IsRead, e.Cause);
                if (action == JobErrorAction.Report)
                    throw e.Cause;
            }
            finally
            {
                Exit();
            }

            if (action == JobErrorAction.Ignore)
                await SleepAsync(backoff.Next());
        }
    }

    private async ValueTask ReleaseAsync()
    {
        copier.Dispose();
        await nodes.ReleaseAsync();
    }
}
