using BlockUring.Copy;
using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Storage;

namespace BlockUring.Jobs.Backup;

/// <summary>
/// Copies a disk as it was at one instant, while it is being written: a copy-before-write filter saves what the guest is about to overwrite, the
/// job copies the rest.
/// </summary>
public sealed class BackupJob : BlockJob
{
    private readonly BlockGraph graph;
    private readonly BackupRequest request;
    private readonly CopyBeforeWriteNode filter;
    private readonly SnapshotCopy copy;
    private readonly JobNodes nodes;
    private bool isUndone;

    private BackupJob(BlockGraph graph, BackupRequest request, CopyBeforeWriteNode filter)
        : base(graph.Scheduler, JobType.Backup, request.Settings)
    {
        this.graph = graph;
        this.request = request;
        this.filter = filter;
        copy = filter.Copy;
        nodes = new JobNodes(graph, this);
        filter.SnapshotBroke = Wake;
        copy.Advanced = ShowProgress;
        Progress.SetRemaining(copy.RemainingBytes);
    }

    /// <summary>Makes a job that is known and not started; its instant is now.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="jobs">Where it will be known.</param>
    /// <param name="request">What is wanted.</param>
    /// <param name="transaction">The jobs with which it ends; null for none.</param>
    /// <exception cref="BlockException">Why not; everything is as before.</exception>
    public static async ValueTask<BackupJob> CreateAsync(BlockGraph graph, JobList jobs, BackupRequest request, JobTransaction? transaction = null)
    {
        // Why one section around all: a write that ends in between would be entered in the bitmap, but not in what was taken from it.
        using var section = await graph.DrainAsync(request.Source);
        BackupDemands.Check(request);
        if (request.Target.Length < request.Source.Length)
            await NodeResize.RunAsync(graph, request.Target, request.Source.Length);
        var filter = await InsertFilterAsync(graph, request);
        var job = new BackupJob(graph, request, filter);
        var isKnown = false;
        try
        {
            jobs.Add(job, transaction);
            isKnown = true;
            job.UseNodes();
            request.Bitmap?.CreateSuccessor();
            return job;
        }
        catch
        {
            if (isKnown)
                job.Discard();
            await job.ReleaseAsync();
            throw;
        }
    }

    /// <summary>Undoes <see cref="CreateAsync"/> of a job that was not started; it is told as cancelled. The caller holds the graph's change.</summary>
    public async ValueTask UndoCreateAsync()
    {
        isUndone = true;
        RequestCancel(force: true);
        await ConcludeAsync();
    }

    /// <inheritdoc/>
    protected override async ValueTask RunAsync()
    {
        while (request.Sync == BackupSync.None)
        {
            await IdleAsync();
            ThrowIfBroken();
        }

        while (copy.RemainingBytes > 0)
        {
            var cursor = new CopyCursor();
            await RunWorkersAsync(request.MaxWorkers, _ => CopyPiecesAsync(cursor));
        }

        await FinishTargetAsync();
        ThrowIfBroken();
    }

    /// <inheritdoc/>
    protected override void Commit() => SettleBitmap(hasSucceeded: true);

    /// <inheritdoc/>
    protected override void Abort() => SettleBitmap(hasSucceeded: false);

    /// <inheritdoc/>
    protected override async ValueTask CleanAsync()
    {
        using var change = isUndone ? null : await graph.BeginChangeAsync();
        await ReleaseAsync();
    }

    private static async ValueTask<CopyBeforeWriteNode> InsertFilterAsync(BlockGraph graph, BackupRequest request)
    {
        var filter = BackupFilter.Make(graph, request);
        try
        {
            if (request.FilterName is { } name)
                GraphOpener.DemandName(graph, name);
            await GraphEditor.InsertAsync(graph, filter, request.Source);
            return filter;
        }
        catch (BlockException e)
        {
            throw new BlockException(e.Kind, "Could not create node: " + e.Message, e.ErrorNumber, e);
        }
    }

    private async ValueTask CopyPiecesAsync(CopyCursor cursor)
    {
        for (var length = copy.PeekNext(cursor); length > 0; length = copy.PeekNext(cursor))
        {
            await WaitForTurnAsync(length);
            await EnterAsync();
            try
            {
                ThrowIfBroken();
                await copy.CopyNextAsync(cursor);
            }
            catch (CopyFailureException e)
            {
                // What failed is pending still, behind the cursor: the next pass tries it once more.
                var policy = e.IsRead ? request.OnSourceError : request.OnTargetError;
                if (HandleError(policy, e.IsRead, e.Cause) == JobErrorAction.Report)
                    throw e.Cause;
            }
            finally
            {
                Exit();
            }
        }
    }

    private async ValueTask FinishTargetAsync()
    {
        while (true)
        {
            await EnterAsync();
            try
            {
                await ZeroTailAsync();
                await request.Target.FlushAsync();
                return;
            }
            catch (BlockException e)
            {
                switch (HandleError(request.OnTargetError, isRead: false, e))
                {
                    case JobErrorAction.Report:
                        throw;
                    case JobErrorAction.Ignore:
                        return;
                }
            }
            finally
            {
                Exit();
            }
        }
    }

    // The rest of the last sector, which a source may lack, reads as zeroes there.
    private async ValueTask ZeroTailAsync()
    {
        var (start, end) = (request.Source.Length, request.Target.Length);
        if (start < end && !(await request.Target.GetStatusAsync(start, end - start)).IsZero)
            await request.Target.WriteZeroesAsync(start, end - start);
    }

    private void ShowProgress()
    {
        Progress.Advance(copy.DoneBytes - Progress.Current);
        Progress.SetRemaining(copy.RemainingBytes);
    }

    private void ThrowIfBroken()
    {
        if (filter.Broken is { } cause)
            throw cause;
    }

    // Why these operations: the lengths of both have to stay, and what else writes the target, or takes it for an image, finds half a copy.
    private void UseNodes()
    {
        nodes.Use(filter, "main node", ImagePermissions.None, NodeLink.AllPermissions, NodeOperation.Resize | NodeOperation.Replace | NodeOperation.Delete);
        nodes.Use(request.Source, "source", ImagePermissions.None, NodeLink.AllPermissions, NodeOperation.None);
        nodes.Use(request.Target, "target", ImagePermissions.None, NodeLink.AllPermissions, NodeOperation.All & ~NodeOperation.Reopen);
    }

    private void SettleBitmap(bool hasSucceeded)
    {
        if (request.Bitmap is not { } bitmap)
            return;
        // Why: who undoes a job may have to undo what was done to the bitmap before, and this has to be the same one then.
        var isSettled = hasSucceeded || (request.BitmapMode == BitmapMode.Always && !isUndone);
        if (isSettled && request.BitmapMode != BitmapMode.Never)
        {
            var heir = bitmap.Abdicate();
            if (!hasSucceeded)
                heir.Merge(copy.Pending);
        }
        else
        {
            bitmap.Reclaim();
        }
    }

    private async ValueTask ReleaseAsync()
    {
        nodes.Release();
        if (!filter.IsClosed)
            await GraphEditor.RemoveAsync(graph, filter);
    }
}
