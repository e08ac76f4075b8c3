using BlockUring.Jobs;
using BlockUring.Native.Interop;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Jobs;

/// <summary>Which verb is accepted in which status, and with which words it is refused.</summary>
public class JobVerbTests
{
    // Rows: verbs; columns: the statuses that a job can be found in.
    private static readonly JobStatus[] Statuses =
    [
        JobStatus.Created, JobStatus.Running, JobStatus.Paused, JobStatus.Ready, JobStatus.Standby,
        JobStatus.Waiting, JobStatus.Pending, JobStatus.Aborting, JobStatus.Concluded,
    ];

    private static readonly (JobVerb Verb, string Accepted)[] Accepted =
    [
        (JobVerb.Cancel, "xxxxxxx.."),
        (JobVerb.Pause, "xxxxx...."),
        (JobVerb.Resume, "xxxxx...."),
        (JobVerb.SetSpeed, "xxxxx...."),
        (JobVerb.Complete, "...xx...."),
        (JobVerb.Finalize, "......x.."),
        (JobVerb.Dismiss, "........x"),
        (JobVerb.Change, "xxxxx...."),
    ];

    public static TheoryData<JobVerb, JobStatus, bool> Matrix()
    {
        var rows = new TheoryData<JobVerb, JobStatus, bool>();
        foreach (var (verb, accepted) in Accepted)
        {
            foreach (var (index, status) in Statuses.Index())
                rows.Add(verb, status, accepted[index] == 'x');
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public void A_verb_is_accepted_or_refused_by_the_table(JobVerb verb, JobStatus status, bool isAccepted)
    {
        Assert.Equal(isAccepted, JobTables.Accepts(status, verb));
        if (verb == JobVerb.Change)
            return;
        var world = new JobWorld();
        var job = BringTo(world, status);
        Assert.Equal(status, job.Status);
        var expected = isAccepted ? "" : $"Job 'j' in state '{status.Name()}' cannot accept command verb '{verb.Name()}'";
        if (verb == JobVerb.Resume && !job.IsUserPaused)
            expected = "Can't resume a job that was not paused";
        if (verb == JobVerb.Pause && job.IsUserPaused)
            expected = "Job is already paused";
        Assert.Equal(expected, world.Refusal(() => DoAsync(job, verb)));
    }

    [Fact]
    public void Only_the_last_status_is_left_by_none_and_undefined_reached_by_none()
    {
        foreach (var from in Enum.GetValues<JobStatus>())
        {
            Assert.False(JobTables.MayFollow(from, JobStatus.Undefined));
            Assert.Equal(from != JobStatus.Null, Enum.GetValues<JobStatus>().Any(to => JobTables.MayFollow(from, to)));
        }

        Assert.Equal("undefined created running paused ready standby waiting pending aborting concluded null", Names<JobStatus>(s => s.Name()));
        Assert.Equal("cancel pause resume set-speed complete finalize dismiss change", Names<JobVerb>(v => v.Name()));
        Assert.Equal(
            "commit stream mirror backup create amend snapshot-load snapshot-save snapshot-delete null", Names<JobType>(t => t.Name()));
    }

    [Fact]
    public void Jobs_are_found_by_their_ID_and_listed_newest_first()
    {
        var world = new JobWorld();
        world.Start("a");
        world.Start("b", with: s => s with { Speed = 7, AutoDismiss = false });
        Assert.Equal(["b", "a"], world.Jobs.Describe().Select(j => j.Id));
        Assert.Equal(new JobInfo("b", JobType.Backup, JobStatus.Running, 0, 10, null), world.Jobs.Describe()[0]);
        Assert.Equal(
            new BlockJobInfo(
                JobType.Backup, "b", 10, 0, false, false, 7, JobIoStatus.Ok, false, JobStatus.Running, true, false, null, null),
            world.Jobs.DescribeBlockJobs()[0]);
        Assert.Equal("Job not found", world.Refusal(() => _ = world.Jobs.Find("x")));
        var failure = Assert.Throws<BlockException>(() => world.Jobs.FindBlockJob("x"));
        Assert.Equal((BlockErrorKind.NotActive, "Block job 'x' not found"), (failure.Kind, failure.Message));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1j")]
    [InlineData("j/k")]
    [InlineData("é")]
    public void Malformed_IDs_are_refused_before_any_event(string id)
    {
        var world = new JobWorld();
        Assert.Equal($"Invalid job ID '{id}'", world.Refusal(() => _ = world.Add(id)));
        Assert.Empty(world.Take());
    }

    [Fact]
    public void An_ID_is_free_again_when_its_job_is_forgotten()
    {
        var world = new JobWorld();
        var job = world.Start("a-1.b_c", with: s => s with { AutoDismiss = false });
        world.Do(() => job.CancelAsync(force: true));
        world.Take();
        Assert.Equal("Job ID 'a-1.b_c' already in use", world.Refusal(() => _ = world.Add("a-1.b_c")));
        Assert.Empty(world.Take());
        world.Do(job.Dismiss);
        world.Add("a-1.b_c");
        Assert.Equal(["S:a-1.b_c null", "S:a-1.b_c created"], world.Take());
    }

    [Fact]
    public void A_negative_speed_is_refused_after_the_status_was()
    {
        var world = new JobWorld();
        const string negative = "Parameter 'speed' expects a non-negative value";
        Assert.Equal(negative, world.Refusal(() => _ = world.Add(with: s => s with { Speed = -1 })));
        Assert.Equal(["S:j created", "S:j null"], world.Take());
        Assert.Empty(world.Jobs.All);

        var job = world.Start(with: s => s with { AutoDismiss = false });
        Assert.Equal(negative, world.Refusal(() => job.SetSpeed(-1)));
        world.Do(() => job.CancelAsync(force: true));
        Assert.Equal("Job 'j' in state 'concluded' cannot accept command verb 'set-speed'", world.Refusal(() => job.SetSpeed(-1)));
    }

    private static string Names<T>(Func<T, string> name)
        where T : struct, Enum => string.Join(' ', Enum.GetValues<T>().Select(name));

    private static ScriptedJob BringTo(JobWorld world, JobStatus status)
    {
        switch (status)
        {
            case JobStatus.Created:
                return world.Add();
            case JobStatus.Running:
                return world.Start();
            case JobStatus.Ready:
                return world.StartMirror();
            case JobStatus.Paused or JobStatus.Standby:
                var paused = status == JobStatus.Paused ? world.Start() : world.StartMirror();
                world.Do(paused.Pause);
                return paused;
            case JobStatus.Waiting:
                var both = new JobTransaction();
                world.Start("other", transaction: both);
                return world.Start(work: _ => ValueTask.CompletedTask, transaction: both);
            case JobStatus.Pending:
                return world.Start(work: _ => ValueTask.CompletedTask, with: s => s with { AutoFinalize = false });
            case JobStatus.Aborting:
                var failing = world.Start(work: j => j.RequestAsync(), cleanHold: new TaskCompletionSource());
                world.Do(() => failing.EndRequest(Errno.EIO));
                return failing;
            default:
                return world.Start(work: _ => ValueTask.CompletedTask, with: s => s with { AutoDismiss = false });
        }
    }

    private static ValueTask DoAsync(ScriptedJob job, JobVerb verb)
    {
        switch (verb)
        {
            case JobVerb.Cancel:
                return job.CancelAsync(force: true);
            case JobVerb.Complete:
                return job.CompleteAsync();
            case JobVerb.Finalize:
                return job.FinalizeAsync();
            case JobVerb.Pause:
                job.Pause();
                break;
            case JobVerb.Resume:
                job.Resume();
                break;
            case JobVerb.SetSpeed:
                job.SetSpeed(1);
                break;
            case JobVerb.Dismiss:
                job.Dismiss();
                break;
        }

        return ValueTask.CompletedTask;
    }
}
