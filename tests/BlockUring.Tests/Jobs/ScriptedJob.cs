using BlockUring.Jobs;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Tests.Jobs;

/// <summary>A block job whose work a test writes, and that notes what is asked of it.</summary>
internal sealed class ScriptedJob : BlockJob
{
    private readonly Func<ScriptedJob, ValueTask> work;
    private readonly Queue<TaskCompletionSource> inFlight = new();

    public ScriptedJob(Scheduler scheduler, JobSettings settings, Func<ScriptedJob, ValueTask> work, JobType type = JobType.Backup)
        : base(scheduler, type, settings)
    {
        this.work = work;
        Progress.SetRemaining(10);
    }

    /// <summary>What was called, in order.</summary>
    public List<string> Calls { get; } = [];

    public bool IsCompletable { get; init; }

    public bool IsSoft { get; init; }

    public Exception? PrepareFailure { get; init; }

    /// <summary>What cleaning waits for; null for nothing.</summary>
    public TaskCompletionSource? CleanHold { get; init; }

    public bool IsCompleteRequested { get; private set; }

    protected override bool CanComplete => IsCompletable;

    protected override bool CancelsSoftly => IsSoft && IsReady;

    /// <summary>One request, which lasts until <see cref="EndRequest"/>.</summary>
    public async ValueTask RequestAsync()
    {
        await EnterAsync();
        try
        {
            var ended = new TaskCompletionSource();
            inFlight.Enqueue(ended);
            await ended.Task;
            Progress.Advance(1);
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>A request that fails, until the policy or a resume helps.</summary>
    public async ValueTask TryRequestAsync(JobErrorPolicy policy, bool isRead = true)
    {
        while (true)
        {
            try
            {
                await RequestAsync();
                return;
            }
            catch (BlockException e)
            {
                var action = HandleError(policy, isRead, e);
                if (action == JobErrorAction.Report)
                    throw;
                if (action == JobErrorAction.Ignore)
                    return;
            }
        }
    }

    /// <summary>Ends the oldest request.</summary>
    public void EndRequest(int errno = 0)
    {
        if (errno == 0)
            inFlight.Dequeue().SetResult();
        else
            inFlight.Dequeue().SetException(BlockException.FromErrno(errno, "Could not read", "disk", 0));
    }

    public ValueTask WorkersAsync(int count, Func<int, ValueTask> worker) => RunWorkersAsync(count, worker);

    public ValueTask TurnAsync(long bytes) => WaitForTurnAsync(bytes);

    public ValueTask WaitAsync() => IdleAsync();

    public ValueTask BecomeReadyAsync() => ReadyAsync();

    /// <summary>Ready, then idle until it is completed or softly cancelled.</summary>
    public async ValueTask FollowAsync()
    {
        await BecomeReadyAsync();
        while (!IsCompleteRequested && !IsCancelRequested)
            await WaitAsync();
    }

    protected override ValueTask RunAsync() => work(this);

    protected override ValueTask PrepareAsync()
    {
        Calls.Add("prepare");
        return PrepareFailure != null ? ValueTask.FromException(PrepareFailure) : ValueTask.CompletedTask;
    }

    protected override void Commit() => Calls.Add("commit");

    protected override void Abort() => Calls.Add("abort");

    protected override async ValueTask CleanAsync()
    {
        Calls.Add("clean");
        if (CleanHold != null)
            await CleanHold.Task;
    }

    protected override ValueTask OnCompleteAsync()
    {
        IsCompleteRequested = true;
        return ValueTask.CompletedTask;
    }

    protected override void OnGivenUp() => Calls.Add("force-cancelled");

    protected override void OnPaused() => Calls.Add("paused");

    protected override void OnResumed() => Calls.Add("resumed");
}
