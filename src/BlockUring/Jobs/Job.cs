using BlockUring.Native.Interop;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Jobs;

/// <summary>
/// Long work that a user starts, watches and steers. A derived class says what it does, in <see cref="RunAsync"/>, and what its end means;
/// all the rest is here: the life cycle of <see cref="JobTables"/>, pauses, cancelling, the events.
/// </summary>
/// <remarks>
/// Runs on one <see cref="Scheduler"/>, as do its users. Between <see cref="EnterAsync"/> and <see cref="Exit"/> it may have requests in flight;
/// everywhere else it has none, and may be paused. It ends as it began, on its own: neither in the call of a verb nor while it is paused.
/// </remarks>
public abstract class Job
{
    private readonly JobCrew crew;
    private JobList? list;
    private bool isWorking;

    /// <summary>Makes a job that nobody knows yet: <see cref="JobList.Add"/> is next.</summary>
    /// <param name="scheduler">The thread on which it and its users run.</param>
    /// <param name="type">What it does.</param>
    /// <param name="settings">What the user wants.</param>
    protected Job(Scheduler scheduler, JobType type, JobSettings settings)
    {
        Scheduler = scheduler;
        Type = type;
        Settings = settings;
        crew = new JobCrew(scheduler) { Failed = DropUserPause, QuietChanged = ShowPause };
    }

    /// <summary>What the user wanted.</summary>
    public JobSettings Settings { get; }

    /// <summary>Names the job.</summary>
    public string Id => Settings.Id;

    /// <summary>What it does.</summary>
    public JobType Type { get; }

    /// <summary>Where it is in its life.</summary>
    public JobStatus Status { get; private set; }

    /// <summary>How far it is. A derived class says before it is started how much there is to do.</summary>
    public JobProgress Progress { get; } = new();

    /// <summary>Why it failed or that it was cancelled; null if neither.</summary>
    public string? Error { get; private set; }

    /// <summary>How many things hold it: one before it is started, its user or an error, drains. It works at 0 only.</summary>
    public int PauseCount => crew.PauseCount;

    /// <summary>Whether its user, or an error, holds it until it is resumed.</summary>
    public bool IsUserPaused { get; private set; }

    /// <summary>Whether requests of it are in flight.</summary>
    public bool IsBusy => crew.InsideCount > 0;

    /// <summary>Whether it can be completed.</summary>
    public bool IsReady => Status is JobStatus.Ready or JobStatus.Standby;

    /// <summary>Whether it was asked to end without its result, softly or not.</summary>
    public bool IsCancelRequested { get; private set; }

    /// <summary>Whether it ends as soon as it can, and with an error.</summary>
    public bool IsForceCancelled { get; private set; }

    /// <summary>Whether it has ended its work, or will never do any.</summary>
    internal bool HasEnded => Status is >= JobStatus.Waiting;

    internal bool IsStarted { get; private set; }

    /// <summary>Ends when the work has: <see cref="HasEnded"/>.</summary>
    internal Arrival Ended { get; } = new();

    /// <summary>Ends when the job is concluded, or forgotten without having been.</summary>
    internal Arrival Concluded { get; } = new();

    internal JobTransaction? Transaction { get; private set; }

    /// <summary>The thread on which it runs.</summary>
    protected Scheduler Scheduler { get; }

    /// <summary>Whether it has something to do for <see cref="CompleteAsync"/>.</summary>
    protected virtual bool CanComplete => false;

    /// <summary>Whether a cancel that need not be forced lets it end cleanly, by itself, when <see cref="IsCancelRequested"/>.</summary>
    protected virtual bool CancelsSoftly => false;

    /// <summary>Starts it: it is running, and maybe paused at once, when this returns.</summary>
    public void Start()
    {
        if (Status != JobStatus.Created || IsStarted)
            throw new InvalidOperationException($"Job '{Id}' cannot be started: it is {Status.Name()}.");
        IsStarted = true;
        isWorking = true;
        ChangeStatus(JobStatus.Running);
        crew.EndPause();
        ShowPause();
        Scheduler.Detach(RunToEndAsync());
    }

    /// <summary>Forgets a job that could not be started after all. None of its callbacks is called.</summary>
    public void Discard()
    {
        ChangeStatus(JobStatus.Null);
        Transaction!.Remove(this);
        Concluded.Succeed();
    }

    /// <summary>The user's pause.</summary>
    /// <exception cref="BlockException">It is paused already, or it cannot be in this status.</exception>
    public void Pause()
    {
        DemandVerb(JobVerb.Pause);
        if (IsUserPaused)
            throw Refused("Job is already paused");
        PauseForUser();
    }

    /// <summary>Ends the user's pause, or that of an error.</summary>
    /// <exception cref="BlockException">There is none.</exception>
    public void Resume()
    {
        if (!IsUserPaused)
            throw Refused("Can't resume a job that was not paused");
        DemandVerb(JobVerb.Resume);
        DropUserPause();
    }

    /// <summary>
    /// Asks the job to end without its result. One that works ends later, by itself; one that waits for its transaction takes the whole
    /// transaction down with it, and is gone when the task ends.
    /// </summary>
    /// <param name="force">At once, with an error. Else a job that can may end cleanly.</param>
    /// <exception cref="BlockException">The status does not allow it.</exception>
    public ValueTask CancelAsync(bool force)
    {
        if (!force && IsUserPaused)
            throw Refused($"The block job for device '{Id}' is currently paused");
        DemandVerb(JobVerb.Cancel);
        return CancelNowAsync(force);
    }

    /// <summary>Makes a ready job end with its result.</summary>
    /// <exception cref="BlockException">It is not ready, or it cannot.</exception>
    public async ValueTask CompleteAsync()
    {
        DemandVerb(JobVerb.Complete);
        if (IsCancelRequested || !CanComplete)
            throw Refused($"The active block job '{Id}' cannot be completed");
        await OnCompleteAsync();
        Wake();
    }

    /// <summary>Makes the results of the job's whole transaction final, which must be pending. All are concluded when the task ends.</summary>
    /// <exception cref="BlockException">It is not pending.</exception>
    public ValueTask FinalizeAsync()
    {
        DemandVerb(JobVerb.Finalize);
        return Transaction!.FinalizeAsync();
    }

    /// <summary>Forgets a concluded job.</summary>
    /// <exception cref="BlockException">It is not concluded.</exception>
    public void Dismiss()
    {
        DemandVerb(JobVerb.Dismiss);
        ChangeStatus(JobStatus.Null);
    }

    /// <summary>Holds the job for a change of the graph; counted. The task ends when nothing of the job is in flight.</summary>
    /// <remarks>The job does not end either before <see cref="EndDrain"/>: whoever waits for its end must not hold a drain.</remarks>
    public ValueTask BeginDrainAsync() => crew.PauseAsync();

    /// <summary>Takes one <see cref="BeginDrainAsync"/> back.</summary>
    public void EndDrain() => crew.EndPause();

    /// <summary>What is told of it.</summary>
    public JobInfo Describe() => new(Id, Type, Status, Progress.Current, Progress.Total, Error);

    internal void Attach(JobList owner, JobTransaction transaction)
    {
        list = owner;
        Transaction = transaction;
        transaction.Add(this);
        ChangeStatus(JobStatus.Created);
    }

    /// <summary>Throws what is wrong with <see cref="Settings"/>.</summary>
    internal virtual void DemandSettings()
    {
    }

    internal ValueTask CancelNowAsync(bool force)
    {
        RequestCancel(force);
        if (!IsForceCancelled || isWorking)
            return ValueTask.CompletedTask;
        if (!HasEnded)
            Fail();
        return Transaction!.AbortAsync(this);
    }

    internal void RequestCancel(bool force)
    {
        force |= !CancelsSoftly;
        if (!force && !isWorking)
            return;
        IsCancelRequested = true;
        IsForceCancelled |= force;
        if (force)
        {
            crew.MustStop = true;
            OnForceCancelled();
        }

        DropUserPause();
        Wake();
    }

    internal void BecomePending()
    {
        ChangeStatus(JobStatus.Pending);
        if (!Settings.AutoFinalize)
            OnPending();
    }

    /// <summary>Prepares a result.</summary>
    /// <returns>Whether that went well; if not, the job is aborting.</returns>
    internal async ValueTask<bool> TryPrepareAsync()
    {
        try
        {
            await PrepareAsync();
            return true;
        }
        catch (BlockException e)
        {
            Error = Explain(e);
            Fail();
            return false;
        }
    }

    /// <summary>The end: keeps the result or drops it, tells, and forgets the job if that is wanted.</summary>
    internal async ValueTask ConcludeAsync()
    {
        if (IsForceCancelled)
            Fail();
        if (Error == null)
            Commit();
        else
            Abort();
        await CleanAsync();
        if (IsStarted)
            OnConcluded();
        Transaction!.Remove(this);
        ChangeStatus(JobStatus.Concluded);
        if (Settings.AutoDismiss || !IsStarted)
            ChangeStatus(JobStatus.Null);
        Concluded.Succeed();
    }

    /// <summary>The work, from top to bottom. Everything that makes requests is between <see cref="EnterAsync"/> and <see cref="Exit"/>.</summary>
    /// <remarks>
    /// It ends with a result, with a <see cref="BlockException"/>, or, when it was force-cancelled, with the
    /// <see cref="OperationCanceledException"/> that the services of this class throw. Anything else is a bug and ends the process.
    /// </remarks>
    protected abstract ValueTask RunAsync();

    /// <summary>Does what may fail of making the result final, when all jobs of the transaction are pending.</summary>
    /// <exception cref="BlockException">It failed: the transaction is aborted, this job included.</exception>
    protected virtual ValueTask PrepareAsync() => ValueTask.CompletedTask;

    /// <summary>Makes the result final; cannot fail.</summary>
    protected virtual void Commit()
    {
    }

    /// <summary>Drops the result, of a job at any point: never started, failed, cancelled, or even prepared when another one's failed.</summary>
    protected virtual void Abort()
    {
    }

    /// <summary>Gives everything back, after <see cref="Commit"/> or <see cref="Abort"/>; cannot fail.</summary>
    protected virtual ValueTask CleanAsync() => ValueTask.CompletedTask;

    /// <summary>A ready job was asked to complete; it is woken afterwards.</summary>
    /// <exception cref="BlockException">It cannot now.</exception>
    protected virtual ValueTask OnCompleteAsync() => ValueTask.CompletedTask;

    /// <summary>It was force-cancelled: requests in flight that may never end are to be given up.</summary>
    protected virtual void OnForceCancelled()
    {
    }

    /// <summary>Nothing is in flight any more, and it is paused.</summary>
    protected virtual void OnPaused()
    {
    }

    /// <summary>It is about to go on.</summary>
    protected virtual void OnResumed()
    {
    }

    /// <summary>The words for a failure. Jobs that only move data tell the system's words alone, as users of QEMU know them.</summary>
    protected virtual string Explain(BlockException e) => e.ErrorNumber != 0 ? Errno.Message(e.ErrorNumber) : e.Message;

    /// <summary>Waits while the job is paused; then it may make requests until <see cref="Exit"/>. Several workers may be inside.</summary>
    /// <exception cref="OperationCanceledException">It is to end; nobody is inside for this call.</exception>
    protected ValueTask EnterAsync() => crew.EnterAsync();

    /// <summary>
    /// The requests of one <see cref="EnterAsync"/> have ended, and all that follows from them is done, progress included: whoever drains the
    /// job goes on inside this call.
    /// </summary>
    protected void Exit() => crew.Exit();

    /// <summary>Runs several workers and ends when all have; when one fails, the others are cancelled at their next entry.</summary>
    /// <param name="count">How many.</param>
    /// <param name="work">Is told which one it is, from 0.</param>
    protected ValueTask RunWorkersAsync(int count, Func<int, ValueTask> work) => crew.RunAsync(count, work);

    /// <summary>Waits for something to happen to the job: <see cref="Wake"/>, cancel, complete. It can be paused meanwhile.</summary>
    /// <exception cref="OperationCanceledException">It is to end.</exception>
    protected ValueTask IdleAsync() => crew.SleepAsync(null);

    /// <summary>As <see cref="IdleAsync"/>, for some time at most; it may be less.</summary>
    protected ValueTask SleepAsync(TimeSpan time) => crew.SleepAsync(time);

    /// <summary>Lets all who are idle or sleep look again.</summary>
    protected void Wake() => crew.WakeAll();

    /// <summary>Throws if the job is to end at once.</summary>
    protected void ThrowIfStopped() => crew.ThrowIfStopped();

    private protected static BlockException Refused(string message) => new(BlockErrorKind.Invalid, message);

    private protected void Emit(JobEvent happened) => list!.Emit(happened);

    private protected void DemandVerb(JobVerb verb)
    {
        // Why: a verb of a pending job would come between the steps that make its transaction final, or undo it.
        if (!JobTables.Accepts(Status, verb) || (Status == JobStatus.Pending && Transaction!.IsEnding))
            throw JobTables.Refusal(Id, Status, verb);
    }

    private protected void PauseForUser()
    {
        IsUserPaused = true;
        Scheduler.Detach(crew.PauseAsync());
    }

    private protected void BecomeReady()
    {
        if (!IsBusy)
            throw new InvalidOperationException("A job becomes ready between Enter and Exit.");
        ChangeStatus(JobStatus.Ready);
    }

    /// <summary>The user's pause ends.</summary>
    private protected virtual void OnUserResumed()
    {
    }

    private protected virtual void OnPending()
    {
    }

    private protected virtual void OnConcluded()
    {
    }

    private void ChangeStatus(JobStatus next)
    {
        if (!JobTables.MayFollow(Status, next))
            throw new InvalidOperationException($"Job '{Id}' went from {Status.Name()} to {next.Name()}.");
        Status = next;
        if (next == JobStatus.Null)
            list!.Remove(this);
        Emit(new JobEvent.StatusChange(Id, next));
    }

    private async ValueTask RunToEndAsync()
    {
        try
        {
            await EnterAsync();
            Exit();
            await RunAsync();
        }
        catch (OperationCanceledException) when (IsForceCancelled)
        {
        }
        catch (BlockException e)
        {
            Error = Explain(e);
            DropUserPause();
        }

        // Why: whoever made the last step happen, a verb or a request, is not to find the graph changed when it goes on.
        var turn = new Arrival();
        Scheduler.Post(turn.Succeed);
        await turn;
        await crew.WaitForResumeAsync();
        isWorking = false;
        if (Error == null && !IsForceCancelled)
            ChangeStatus(JobStatus.Waiting);
        else
            Fail();
        Ended.Succeed();
        await (Error == null ? Transaction!.SucceedAsync() : Transaction!.AbortAsync(this));
    }

    private void Fail()
    {
        Error ??= Errno.Message(Errno.ECANCELED);
        if (Status != JobStatus.Aborting)
            ChangeStatus(JobStatus.Aborting);
    }

    private void DropUserPause()
    {
        if (!IsUserPaused)
            return;
        IsUserPaused = false;
        OnUserResumed();
        crew.EndPause();
    }

    // The gate has become quiet, or has been opened.
    private void ShowPause()
    {
        if (!isWorking)
            return;
        if (crew.IsQuiet && Status is JobStatus.Running or JobStatus.Ready)
        {
            ChangeStatus(Status == JobStatus.Ready ? JobStatus.Standby : JobStatus.Paused);
            OnPaused();
        }
        else if (PauseCount == 0 && Status is JobStatus.Paused or JobStatus.Standby)
        {
            ChangeStatus(Status == JobStatus.Standby ? JobStatus.Ready : JobStatus.Running);
            OnResumed();
        }
    }
}
