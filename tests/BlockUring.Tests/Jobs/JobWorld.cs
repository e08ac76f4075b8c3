using BlockUring.Jobs;
using BlockUring.Simulation;
using BlockUring.Storage;

namespace BlockUring.Tests.Jobs;

/// <summary>A thread, its jobs, and what they told.</summary>
internal sealed class JobWorld
{
    private readonly List<string> events = [];
    private readonly List<Task> verbs = [];

    public JobWorld() => Jobs = new JobList(e => events.Add(Show(e)));

    public SimulatedScheduler Scheduler { get; } = new(1);

    public JobList Jobs { get; }

    /// <summary>Makes a job known. Its work is to idle, unless told.</summary>
    public ScriptedJob Add(
        string id = "j",
        Func<ScriptedJob, ValueTask>? work = null,
        Func<JobSettings, JobSettings>? with = null,
        JobTransaction? transaction = null,
        JobType type = JobType.Backup,
        bool isMirror = false,
        Exception? prepareFailure = null,
        TaskCompletionSource? cleanHold = null)
    {
        var settings = new JobSettings(id);
        var job = new ScriptedJob(Scheduler, with?.Invoke(settings) ?? settings, work ?? IdleAsync, type)
        {
            IsCompletable = isMirror,
            IsSoft = isMirror,
            PrepareFailure = prepareFailure,
            CleanHold = cleanHold,
        };
        Jobs.Add(job, transaction);
        return job;
    }

    /// <summary>As <see cref="Add"/>, started, and settled.</summary>
    public ScriptedJob Start(
        string id = "j",
        Func<ScriptedJob, ValueTask>? work = null,
        Func<JobSettings, JobSettings>? with = null,
        JobTransaction? transaction = null,
        bool isMirror = false,
        Exception? prepareFailure = null,
        TaskCompletionSource? cleanHold = null)
    {
        var job = Add(id, work, with, transaction, isMirror ? JobType.Mirror : JobType.Backup, isMirror, prepareFailure, cleanHold);
        Do(() =>
        {
            job.Start();
            return ValueTask.CompletedTask;
        });
        return job;
    }

    /// <summary>A ready mirror.</summary>
    public ScriptedJob StartMirror(string id = "j", Func<JobSettings, JobSettings>? with = null) =>
        Start(id, j => j.FollowAsync(), with, isMirror: true);

    /// <summary>Does something, and everything that follows from it now. Throws what it throws at once.</summary>
    public void Do(Func<ValueTask> verb)
    {
        Task? task = null;
        Scheduler.Post(() => task = Catch(verb));
        Scheduler.Settle();
        if (task!.IsFaulted)
            task.GetAwaiter().GetResult();
        verbs.Add(task);
    }

    public void Do(Action verb) => Do(() =>
    {
        verb();
        return ValueTask.CompletedTask;
    });

    /// <summary>The message with which something is refused; "" when it is not.</summary>
    public string Refusal(Func<ValueTask> verb)
    {
        try
        {
            Do(verb);
            return "";
        }
        catch (BlockException e)
        {
            return e.Message;
        }
    }

    public string Refusal(Action verb) => Refusal(() =>
    {
        verb();
        return ValueTask.CompletedTask;
    });

    /// <summary>Whether all that was done has ended.</summary>
    public bool IsDone => verbs.TrueForAll(v => v.IsCompletedSuccessfully);

    /// <summary>The events since the last time, in one line each.</summary>
    public string[] Take()
    {
        string[] taken = [.. events];
        events.Clear();
        return taken;
    }

    private static async Task Catch(Func<ValueTask> verb) => await verb();

    private static async ValueTask IdleAsync(ScriptedJob job)
    {
        while (true)
            await job.WaitAsync();
    }

    private static string Show(JobEvent happened) => happened switch
    {
        JobEvent.StatusChange e => $"S:{e.JobId} {e.Status.Name()}",
        JobEvent.Ready e => $"READY {e.JobId} {e.Type.Name()} {e.Offset}/{e.Length} speed {e.Speed}",
        JobEvent.Pending e => $"PENDING {e.JobId} {e.Type.Name()}",
        JobEvent.Completed { Error: null } e => $"COMPLETED {e.JobId} {e.Type.Name()} {e.Offset}/{e.Length} speed {e.Speed}",
        JobEvent.Completed e => $"COMPLETED {e.JobId} {e.Type.Name()} {e.Offset}/{e.Length} speed {e.Speed}: {e.Error}",
        JobEvent.Cancelled e => $"CANCELLED {e.JobId} {e.Type.Name()} {e.Offset}/{e.Length} speed {e.Speed}",
        JobEvent.IoError e => $"ERROR {e.JobId} {(e.IsRead ? "read" : "write")} {e.Action}",
        _ => throw new InvalidOperationException($"{happened} is not known."),
    };
}
