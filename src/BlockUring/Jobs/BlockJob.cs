using BlockUring.Copy;
using BlockUring.Jobs.Mirror;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Jobs;

/// <summary>A job that moves data between disks: it has a speed, error policies, and events of its own.</summary>
public abstract class BlockJob : Job
{
    private static readonly TimeSpan GivingUpStep = TimeSpan.FromSeconds(1);

    private readonly RateLimit limit;
    private bool isStoppedByError;

    /// <summary>Makes a job that nobody knows yet: <see cref="JobList.Add"/> is next.</summary>
    /// <param name="scheduler">The thread on which it and its users run.</param>
    /// <param name="type">What it does.</param>
    /// <param name="settings">What the user wants.</param>
    protected BlockJob(Scheduler scheduler, JobType type, JobSettings settings)
        : base(scheduler, type, settings)
    {
        Speed = settings.Speed;
        limit = new RateLimit(scheduler.Time, Math.Max(0, Speed));
    }

    /// <summary>The limit in bytes a second, 0 for none.</summary>
    public long Speed { get; private set; }

    /// <summary>Why it stopped, until it is resumed.</summary>
    public JobIoStatus IoStatus { get; private set; }

    /// <summary>For a mirror, whether writes reach the target before they end; null for other jobs.</summary>
    protected virtual bool? IsActivelySynced => null;

    /// <summary>For a mirror, how what the guest writes reaches the target now; null for other jobs.</summary>
    protected virtual MirrorCopyMode? CurrentCopyMode => null;

    /// <summary>The nodes that it uses; null before it has any.</summary>
    internal JobNodes? Nodes { get; set; }

    /// <summary>Changes the speed at once, for those who wait for their turn, too.</summary>
    /// <param name="bytesPerSecond">0 for as fast as it goes.</param>
    /// <exception cref="BlockException">It is negative, or the status does not allow it.</exception>
    public void SetSpeed(long bytesPerSecond)
    {
        DemandVerb(JobVerb.SetSpeed);
        DemandSpeed(bytesPerSecond);
        Speed = bytesPerSecond;
        limit.BytesPerSecond = bytesPerSecond;
        Wake();
    }

    /// <summary>Throws unless its status allows a change of what it was started with.</summary>
    /// <exception cref="BlockException">It does not.</exception>
    public void DemandChangeable() => DemandVerb(JobVerb.Change);

    /// <summary>What query-block-jobs tells of it.</summary>
    public BlockJobInfo DescribeBlockJob() => new(
        Type,
        Id,
        Progress.Total,
        Progress.Current,
        IsBusy,
        PauseCount > 0,
        Speed,
        IoStatus,
        IsReady,
        Status,
        Settings.AutoFinalize,
        Settings.AutoDismiss,
        Error,
        IsActivelySynced,
        CurrentCopyMode);

    internal override void DemandSettings() => DemandSpeed(Settings.Speed);

    /// <summary>Waits until the speed allows moving some bytes. To be called before <see cref="Job.EnterAsync"/>.</summary>
    /// <exception cref="OperationCanceledException">The job is to end.</exception>
    protected ValueTask WaitForTurnAsync(long bytes)
    {
        if (Speed == 0 || limit.Reserve(bytes, out var ticket) <= TimeSpan.Zero)
            return ValueTask.CompletedTask;
        return WaitForTicketAsync(ticket);
    }

    /// <summary>Says that a request has failed, and what is to be done about it.</summary>
    /// <param name="policy">What the user wants.</param>
    /// <param name="isRead">Whether it was a read; else a write, a flush and the like.</param>
    /// <param name="failure">What the request failed of.</param>
    /// <returns>
    /// Report: throw the failure on. Ignore: go on. Stop: the job is paused already; leave, and try again, which waits at the next entry.
    /// </returns>
    /// <exception cref="OperationCanceledException">The job is to end anyway.</exception>
    protected JobErrorAction HandleError(JobErrorPolicy policy, bool isRead, BlockException failure)
    {
        ThrowIfStopped();
        var isFull = failure.Kind == BlockErrorKind.NoSpace;
        var action = policy switch
        {
            JobErrorPolicy.Ignore => JobErrorAction.Ignore,
            JobErrorPolicy.Stop => JobErrorAction.Stop,
            JobErrorPolicy.Enospc or JobErrorPolicy.Auto when isFull => JobErrorAction.Stop,
            _ => JobErrorAction.Report,
        };

        // Why: what was in flight beside the request that failed first may fail of the same; it is tried again when the user resumes.
        if (action == JobErrorAction.Stop && isStoppedByError)
            return action;
        Emit(new JobEvent.IoError(Id, isRead, action));
        if (action == JobErrorAction.Stop)
            StopForError(isFull);
        return action;
    }

    /// <summary>Rents a buffer, when it is about to be filled: a job that is slow, or paused, would keep memory from the others.</summary>
    /// <returns>Null while others have all the memory, which they will give back.</returns>
    /// <exception cref="BlockException">There is less memory than one request takes.</exception>
    protected static IoBuffer? TryRent(BufferPool pool, int length)
    {
        try
        {
            return pool.Rent(length);
        }
        catch (InsufficientMemoryException) when (pool.RentedBytes > 0)
        {
            return null;
        }
        catch (InsufficientMemoryException e)
        {
            throw new BlockException(BlockErrorKind.Limit, e.Message, Errno.ENOMEM, e);
        }
    }

    /// <summary>Says that the job has done its work and from now on keeps up with changes. Waits while it is paused.</summary>
    protected async ValueTask ReadyAsync()
    {
        await EnterAsync();
        BecomeReady();
        Emit(new JobEvent.Ready(Id, Type, Progress.Total, Progress.Current, Speed));
        Exit();
    }

    /// <inheritdoc/>
    protected sealed override void OnForceCancelled()
    {
        if (Nodes is { DependOnPeer: true })
            Scheduler.Detach(GiveUpRequestsAsync(Nodes));
        OnGivenUp();
    }

    /// <summary>It was force-cancelled.</summary>
    protected virtual void OnGivenUp()
    {
    }

    private protected override void OnUserResumed()
    {
        isStoppedByError = false;
        IoStatus = JobIoStatus.Ok;
    }

    private protected override void OnPending() => Emit(new JobEvent.Pending(Id, Type));

    private protected override void OnConcluded()
    {
        if (IsForceCancelled)
            Emit(new JobEvent.Cancelled(Id, Type, Progress.Total, Progress.Current, Speed));
        else
            Emit(new JobEvent.Completed(Id, Type, Progress.Total, Progress.Current, Speed, Error));
    }

    // Why again and again: what the end of the job waits for, a guest's write on its way to the target, say, may meet the same peer.
    private async ValueTask GiveUpRequestsAsync(JobNodes nodes)
    {
        while (nodes.Links.Count > 0)
        {
            nodes.CancelInFlight();
            await Scheduler.DelayAsync(GivingUpStep);
        }
    }

    private static void DemandSpeed(long bytesPerSecond)
    {
        if (bytesPerSecond < 0)
            throw Refused("Parameter 'speed' expects a non-negative value");
    }

    private async ValueTask WaitForTicketAsync(long ticket)
    {
        for (var wait = limit.Remaining(ticket); wait > TimeSpan.Zero; wait = limit.Remaining(ticket))
            await SleepAsync(wait);
        ThrowIfStopped();
    }

    private void StopForError(bool isFull)
    {
        isStoppedByError = true;
        if (IoStatus == JobIoStatus.Ok)
            IoStatus = isFull ? JobIoStatus.NoSpace : JobIoStatus.Failed;
        if (!IsUserPaused)
            PauseForUser();
    }
}
