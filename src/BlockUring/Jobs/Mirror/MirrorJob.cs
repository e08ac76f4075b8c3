using System.Runtime.CompilerServices;
using BlockUring.Copy;
using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Jobs.Backup;
using BlockUring.Storage;

namespace BlockUring.Jobs.Mirror;

/// <summary>
/// Copies a disk while it is being written, keeps the copy equal, and, when completed, puts the copy in the disk's place. The commit of an active
/// layer is the same, onto a node below it.
/// </summary>
public sealed class MirrorJob : BlockJob
{
    // What the guest may be made to wait for at the end.
    private const long LastBytes = 16 << 20;

    // How often it is tried, at the end, to leave less than that.
    private const int MaxLatePasses = 8;

    // Bytes found by the scan after which they are copied before it goes on.
    private const long ScanBytes = 256 << 20;

    private readonly BlockGraph graph;
    private readonly MirrorRequest request;
    private readonly MirrorTopNode filter;
    private readonly MirrorCopy copy;
    private readonly MirrorScan scan;
    private readonly MirrorNodes nodes;
    private readonly Backoff backoff = new();
    private readonly Convergence convergence = new();
    private readonly int workerCount;
    private MirrorBitmap? bitmap;
    private BlockException? writeFailure;
    private bool isCompleting;
    private bool isIdle;
    private bool isOver;
    private bool hasSucceeded;
    private bool hasFailedInPass;
    private bool isSuspended;

    internal MirrorJob(BlockGraph graph, MirrorRequest request, MirrorTopNode filter)
        : base(graph.Scheduler, request.IsCommit ? JobType.Commit : JobType.Mirror, request.Settings)
    {
        this.graph = graph;
        this.request = request;
        this.filter = filter;
        copy = filter.Copy;
        scan = new MirrorScan(copy, request);
        nodes = new MirrorNodes(graph, request, filter, new JobNodes(graph, this));
        workerCount = MirrorFilter.WorkersFor(request.BufferLength);
        CopyMode = request.CopyMode;
        if (request.UsesBitmap)
            copy.Dirty.Merge(request.Bitmap!);
        copy.Changed = NoteChange;
        filter.Writer.TargetFailed = NoteTargetFailure;
        ShowProgress();
        ChooseWay();
    }

    /// <summary>How what the guest writes reaches the target now.</summary>
    public MirrorCopyMode CopyMode { get; private set; }

    /// <inheritdoc/>
    protected override bool CanComplete => true;

    /// <inheritdoc/>
    protected override bool CancelsSoftly => IsReady;

    /// <inheritdoc/>
    protected override bool? IsActivelySynced => request.IsCommit ? null : IsReady && filter.Writer.WritesThrough && copy.IsCaughtUp;

    /// <inheritdoc/>
    protected override MirrorCopyMode? CurrentCopyMode => request.IsCommit ? null : CopyMode;

    private bool IsFinishing => isCompleting || IsCancelRequested;

    /// <summary>Makes a job that is known and not started. From now on the disk's writes are noted.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="jobs">Where it will be known.</param>
    /// <param name="request">What is wanted.</param>
    /// <exception cref="BlockException">Why not; everything is as before.</exception>
    public static async ValueTask<MirrorJob> CreateAsync(BlockGraph graph, JobList jobs, MirrorRequest request)
    {
        MirrorDemands.Check(graph, request);
        // Without a backing file the top is all there is.
        if (request.Sync == BackupSync.Top && NodeChain.SkipFilters(request.Source).BackingLink == null)
            request = request with { Sync = BackupSync.Full };
        return await MirrorStart.RunAsync(graph, jobs, request);
    }

    /// <summary>Makes a job that commits the active layer of a disk, with everything below it down to a base, into that base.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="jobs">Where it will be known.</param>
    /// <param name="request">The source is the active layer, the target the base; what only makes sense for mirrors is not looked at.</param>
    /// <exception cref="BlockException">Why not; everything is as before.</exception>
    public static ValueTask<MirrorJob> CreateActiveCommitAsync(BlockGraph graph, JobList jobs, MirrorRequest request) =>
        MirrorStart.CommitAsync(graph, jobs, request with { IsCommit = true, Sync = BackupSync.Full });

    /// <summary>Changes how what the guest writes reaches the target, with effect on the writes that come.</summary>
    /// <exception cref="BlockException">The status does not allow it.</exception>
    public void Change(MirrorCopyMode mode)
    {
        DemandChangeable();
        CopyMode = mode;
        convergence.Reset();
        ChooseWay();
    }

    internal void UseNodes()
    {
        nodes.Use();
        if (request.Bitmap != null)
            bitmap = new MirrorBitmap(request);
    }

    internal ValueTask ReleaseAsync() => nodes.ReleaseAsync();

    /// <inheritdoc/>
    protected override async ValueTask RunAsync()
    {
        try
        {
            MirrorStart.DemandSizes(request);
            while (!scan.IsOver)
            {
                await ScanAsync();
                await ProtectFoundAsync();
                await CopyDirtyAsync();
            }

            await FlushAsync();
            await ReadyAsync();
            await KeepUpAsync();
        }
        catch
        {
            EndWritingThrough();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override ValueTask OnCompleteAsync()
    {
        nodes.DemandReplaceable();
        isCompleting = true;
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    protected override void OnGivenUp() => EndWritingThrough();

    /// <inheritdoc/>
    protected override async ValueTask PrepareAsync()
    {
        // Why: while it was pending, the guest may have written more than it should wait for.
        for (var i = 0; copy.RemainingBytes > LastBytes && i < MaxLatePasses; i++)
            await RunPassAsync(CopyLatePiecesAsync);
        using var change = await graph.BeginChangeAsync();
        using var section = await nodes.DrainAsync();
        // Why without entering: the section holds the job, too.
        while (!copy.IsInSync)
            await RunPassAsync(CopyNextAsync);
        await nodes.FinishTargetAsync();
        bitmap?.NoteInstant();
        filter.Stop();
        if (isCompleting)
            await nodes.PivotAsync();
    }

    /// <inheritdoc/>
    protected override void Commit() => hasSucceeded = true;

    /// <inheritdoc/>
    protected override async ValueTask CleanAsync()
    {
        EndWritingThrough();
        using var change = await graph.BeginChangeAsync();
        var isOnStorage = hasSucceeded || bitmap is not { TellsWhatIsLacking: true } || await TryFlushAsync();
        using (await nodes.DrainAsync())
        {
            if (!hasSucceeded)
                scan.GiveUp();
            filter.Stop();
            bitmap?.Settle(hasSucceeded, isOnStorage ? copy.Dirty : null);
        }

        await nodes.ReleaseAsync();
        if (request.WasReadOnly && !(hasSucceeded && isCompleting && request.Hold == null))
            await MirrorStart.MakeReadOnlyAsync(graph, request.Target);
    }

    private protected override void OnUserResumed()
    {
        base.OnUserResumed();
        ChooseWay();
    }

    // Until it is to end, and what is left of the difference is small.
    private async ValueTask KeepUpAsync()
    {
        while (true)
        {
            await CopyDirtyAsync();
            if (IsFinishing)
            {
                await FlushAsync();
                if (IsGoodEnough())
                    return;
            }
            else
            {
                await WaitForWorkAsync();
            }
        }
    }

    private async ValueTask WaitForWorkAsync()
    {
        while (copy.Dirty.IsAllClean && !IsFinishing)
        {
            ThrowIfWriteFailed();
            isIdle = true;
            try
            {
                await IdleAsync();
            }
            finally
            {
                isIdle = false;
            }
        }
    }

    private async ValueTask ScanAsync()
    {
        while (!scan.IsOver && copy.RemainingBytes < ScanBytes)
        {
            await StepAsync(async () =>
            {
                await scan.StepAsync();
                ShowProgress();
            });
        }
    }

    // What is going to be copied goes into the overlays that are kept, as far as they lack it, with one flush of each for all of it. What fails here
    // is tried once more when it is about to be written.
    private async ValueTask ProtectFoundAsync()
    {
        if (request.Hold?.Guard is not { IsIdle: false } guard)
            return;
        var position = 0L;
        await RunWorkersAsync(workerCount, async _ =>
        {
            while (copy.Dirty.NextDirtyArea(position, copy.Length, MirrorRequest.MaxChunk, out var offset, out var length))
            {
                position = offset + length;
                await WaitForTurnAsync(length);
                await StepAsync(() => guard.CopyAsync(offset, length));
            }
        });
        await StepAsync(guard.SettleAsync);
    }

    private async ValueTask CopyDirtyAsync()
    {
        while (!copy.Dirty.IsAllClean && !(IsFinishing && IsReady && IsGoodEnough()))
        {
            var before = copy.RemainingBytes;
            hasFailedInPass = false;
            await RunPassAsync(CopyPiecesAsync);
            Learn(before);
        }

        ThrowIfWriteFailed();
        convergence.Reset();
        if (!copy.IsCaughtUp)
            return;
        isSuspended = false;
        ChooseWay();
    }

    // Why not less when it is stuck: a commit does not hold up the guest's writes before the end, so nothing better will come.
    private bool IsGoodEnough() => copy.RemainingBytes <= LastBytes || (convergence.IsStuck && request.IsCommit);

    private void Learn(long before)
    {
        if (hasFailedInPass)
            convergence.Reset();
        else
            convergence.Note(before, copy.RemainingBytes);
        if (!convergence.IsStuck)
            return;
        if (CopyMode == MirrorCopyMode.Auto || (IsFinishing && !request.IsCommit))
            CopyMode = MirrorCopyMode.WriteBlocking;
        ChooseWay();
    }

    private ValueTask RunPassAsync(Func<CopyCursor, ValueTask> work)
    {
        var cursor = new CopyCursor();
        var pieces = (copy.RemainingBytes + copy.MaxPiece - 1) / copy.MaxPiece;
        return RunWorkersAsync((int)Math.Clamp(pieces, 1, workerCount), _ => work(cursor));
    }

    private async ValueTask CopyPiecesAsync(CopyCursor cursor)
    {
        Func<ValueTask> step = () => copy.CopyNextAsync(cursor);
        for (var length = copy.PeekNext(cursor); length > 0; length = copy.PeekNext(cursor))
        {
            ThrowIfWriteFailed();
            await WaitForTurnAsync(length);
            if (await StepAsync(step) == null)
                backoff.Reset();
        }
    }

    // Pending: nobody can be asked any more what to do about a failure.
    private async ValueTask CopyLatePiecesAsync(CopyCursor cursor)
    {
        while (copy.PeekNext(cursor) > 0)
        {
            await EnterAsync();
            try
            {
                await CopyNextAsync(cursor);
            }
            finally
            {
                Exit();
            }
        }
    }

    private async ValueTask CopyNextAsync(CopyCursor cursor)
    {
        try
        {
            await copy.CopyNextAsync(cursor);
        }
        catch (CopyFailureException e)
        {
            throw e.Cause;
        }
    }

    // One request in its turn. What fails is tried again by whoever asked for it, dirty as it is; the answer says whether it has failed.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<JobErrorAction?> StepAsync(Func<ValueTask> step)
    {
        await EnterAsync();
        JobErrorAction action;
        try
        {
            await step();
            return null;
        }
        catch (CopyFailureException e)
        {
            action = Judge(e.IsRead, e.Cause);
        }
        catch (BlockException e)
        {
            action = Judge(isRead: false, e);
        }
        finally
        {
            Exit();
        }

        // Why: a disk that fails for good would otherwise be asked without end, as fast as it can say no.
        if (action == JobErrorAction.Ignore)
            await SleepAsync(backoff.Next());
        return action;
    }

    private JobErrorAction Judge(bool isRead, BlockException failure)
    {
        hasFailedInPass = true;
        var action = HandleError(isRead ? request.OnSourceError : request.OnTargetError, isRead, failure);
        ChooseWay();
        return action == JobErrorAction.Report ? throw failure : action;
    }

    private async ValueTask FlushAsync()
    {
        while (await StepAsync(nodes.FinishTargetAsync) != null)
            continue;
    }

    private async ValueTask<bool> TryFlushAsync()
    {
        try
        {
            await request.Target.FlushAsync();
            return true;
        }
        catch (BlockException)
        {
            return false;
        }
    }

    private void NoteTargetFailure(BlockException failure)
    {
        // The background copies what was not written, and finds out whether that lasts.
        isSuspended = true;
        ChooseWay();
        // Why also once the work has ended: what waits for others, or is pending, cannot be resumed; the end copies what is lacking, or fails.
        if (isOver || IsForceCancelled || writeFailure != null || HasEnded)
            return;
        if (HandleError(request.OnTargetError, isRead: false, failure) == JobErrorAction.Report)
            writeFailure = failure;
        ChooseWay();
        Wake();
    }

    private void ThrowIfWriteFailed()
    {
        if (writeFailure != null)
            throw writeFailure;
    }

    private void ChooseWay() => filter.Writer.WritesThrough =
        CopyMode == MirrorCopyMode.WriteBlocking && !isOver && !isSuspended && writeFailure == null && IoStatus == JobIoStatus.Ok;

    private void EndWritingThrough()
    {
        isOver = true;
        ChooseWay();
    }

    private void NoteChange()
    {
        ShowProgress();
        if (isIdle)
            Wake();
    }

    private void ShowProgress()
    {
        Progress.Advance(copy.DoneBytes - Progress.Current);
        Progress.SetRemaining(copy.RemainingBytes + copy.Length - scan.Position);
    }
}
