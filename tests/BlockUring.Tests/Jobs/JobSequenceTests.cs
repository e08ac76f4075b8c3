using BlockUring.Jobs;
using BlockUring.Native.Interop;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Jobs;

/// <summary>The events of a job's life, in QEMU's order.</summary>
public class JobSequenceTests
{
    [Fact]
    public void Success_finalises_and_dismisses_by_itself()
    {
        var world = new JobWorld();
        var job = world.Start(work: j => j.RequestAsync());
        Assert.Equal(["S:j created", "S:j running"], world.Take());
        Assert.True(job.IsBusy);
        world.Do(() => job.EndRequest());
        Assert.Equal(["S:j waiting", "S:j pending", "COMPLETED j backup 1/10 speed 0", "S:j concluded", "S:j null"], world.Take());
        Assert.Equal(["prepare", "commit", "clean"], job.Calls);
        Assert.Empty(world.Jobs.All);
    }

    [Fact]
    public void Created_and_running_come_before_the_starter_returns_and_the_end_after()
    {
        var world = new JobWorld();
        var job = world.Add(work: _ => ValueTask.CompletedTask);
        world.Do(() =>
        {
            job.Start();
            Assert.Equal(["S:j created", "S:j running"], world.Take());
        });
        Assert.Equal(["S:j waiting", "S:j pending", "COMPLETED j backup 0/10 speed 0", "S:j concluded", "S:j null"], world.Take());
    }

    [Fact]
    public void Without_auto_finalize_it_stays_pending()
    {
        var world = new JobWorld();
        var job = world.Start(work: _ => ValueTask.CompletedTask, with: s => s with { AutoFinalize = false, Speed = 5 });
        Assert.Equal(["S:j created", "S:j running", "S:j waiting", "S:j pending", "PENDING j backup"], world.Take());
        Assert.Empty(job.Calls);
        world.Do(job.FinalizeAsync);
        Assert.Equal(["COMPLETED j backup 0/10 speed 5", "S:j concluded", "S:j null"], world.Take());
    }

    [Fact]
    public void Without_auto_dismiss_it_stays_concluded()
    {
        var world = new JobWorld();
        var job = world.Start(work: _ => ValueTask.CompletedTask, with: s => s with { AutoDismiss = false });
        Assert.Equal("S:j concluded", world.Take()[^1]);
        Assert.Equal([job], world.Jobs.All);
        world.Do(job.Dismiss);
        Assert.Equal(["S:j null"], world.Take());
        Assert.Empty(world.Jobs.All);
    }

    [Fact]
    public void A_mirror_is_ready_until_it_is_completed()
    {
        var world = new JobWorld();
        var job = world.StartMirror();
        Assert.Equal(["S:j created", "S:j running", "S:j ready", "READY j mirror 0/10 speed 0"], world.Take());
        Assert.True(world.Jobs.DescribeBlockJobs()[0].IsReady);
        world.Do(job.CompleteAsync);
        Assert.Equal(["S:j waiting", "S:j pending", "COMPLETED j mirror 0/10 speed 0", "S:j concluded", "S:j null"], world.Take());
    }

    [Fact]
    public void A_standby_mirror_takes_complete_and_ends_when_it_is_resumed()
    {
        var world = new JobWorld();
        var job = world.StartMirror();
        world.Take();
        world.Do(job.Pause);
        world.Do(job.CompleteAsync);
        world.Do(job.CompleteAsync);
        Assert.Equal("The block job for device 'j' is currently paused", world.Refusal(() => job.CancelAsync(force: false)));
        Assert.Equal(["S:j standby"], world.Take());
        world.Do(job.Resume);
        Assert.Equal(
            ["S:j ready", "S:j waiting", "S:j pending", "COMPLETED j mirror 0/10 speed 0", "S:j concluded", "S:j null"], world.Take());
    }

    [Fact]
    public void A_soft_cancel_of_a_ready_mirror_looks_like_success()
    {
        var world = new JobWorld();
        var job = world.StartMirror(with: s => s with { AutoFinalize = false });
        world.Take();
        world.Do(() => job.CancelAsync(force: false));
        Assert.Equal(["S:j waiting", "S:j pending", "PENDING j mirror"], world.Take());
        Assert.True(job is { IsCancelRequested: true, IsForceCancelled: false });
        world.Do(job.FinalizeAsync);
        Assert.Equal(["COMPLETED j mirror 0/10 speed 0", "S:j concluded", "S:j null"], world.Take());
    }

    [Fact]
    public void A_soft_cancel_of_a_pending_mirror_is_a_forced_one()
    {
        var world = new JobWorld();
        var job = world.StartMirror(with: s => s with { AutoFinalize = false });
        world.Do(job.CompleteAsync);
        world.Take();
        world.Do(() => job.CancelAsync(force: false));
        Assert.Equal(["S:j aborting", "CANCELLED j mirror 0/10 speed 0", "S:j concluded", "S:j null"], world.Take());
    }

    [Fact]
    public void Completing_is_refused_after_a_soft_cancel_and_where_the_job_cannot()
    {
        var world = new JobWorld();
        var mirror = world.Start(work: async j =>
        {
            await j.BecomeReadyAsync();
            await j.RequestAsync();
        }, isMirror: true);
        world.Do(() => mirror.CancelAsync(force: false));
        Assert.Equal("The active block job 'j' cannot be completed", world.Refusal(mirror.CompleteAsync));

        var other = world.Start("k", work: j => j.FollowAsync());
        Assert.Equal("The active block job 'k' cannot be completed", world.Refusal(other.CompleteAsync));
    }

    [Fact]
    public void A_failure_is_told_with_its_error()
    {
        var world = new JobWorld();
        var job = world.Start(work: j => j.TryRequestAsync(JobErrorPolicy.Report), with: s => s with { AutoDismiss = false });
        world.Take();
        world.Do(() => job.EndRequest(Errno.EIO));
        Assert.Equal(
            ["ERROR j read Report", "S:j aborting", "COMPLETED j backup 0/10 speed 0: Input/output error", "S:j concluded"], world.Take());
        Assert.Equal(["abort", "clean"], job.Calls);
        Assert.Equal("Input/output error", world.Jobs.Describe()[0].Error);
        Assert.Equal((JobIoStatus.Ok, "Input/output error"), (world.Jobs.DescribeBlockJobs()[0].IoStatus, world.Jobs.DescribeBlockJobs()[0].Error));
    }

    [Fact]
    public void A_failure_that_has_no_error_number_is_told_in_its_own_words()
    {
        var world = new JobWorld();
        world.Start(work: _ => throw new BlockException(BlockErrorKind.Invalid, "No such thing"));
        Assert.Contains("COMPLETED j backup 0/10 speed 0: No such thing", world.Take());
    }

    [Fact]
    public void A_failure_to_prepare_aborts_a_pending_job()
    {
        var world = new JobWorld();
        var failure = new BlockException(BlockErrorKind.Invalid, "Cannot change the backing file");
        var job = world.Start(work: _ => ValueTask.CompletedTask, with: s => s with { AutoFinalize = false }, prepareFailure: failure);
        world.Take();
        world.Do(job.FinalizeAsync);
        Assert.Equal(
            ["S:j aborting", "COMPLETED j backup 0/10 speed 0: Cannot change the backing file", "S:j concluded", "S:j null"], world.Take());
        Assert.Equal(["prepare", "abort", "clean"], job.Calls);
    }

    [Fact]
    public void A_job_that_could_not_be_started_only_comes_and_goes()
    {
        var world = new JobWorld();
        var job = world.Add();
        world.Do(job.Discard);
        Assert.Equal(["S:j created", "S:j null"], world.Take());
        Assert.Empty(job.Calls);
    }

    [Fact]
    public void A_job_that_is_cancelled_before_it_is_started_tells_nothing_of_its_own()
    {
        var world = new JobWorld();
        var job = world.Add(with: s => s with { AutoDismiss = false });
        world.Do(() => job.CancelAsync(force: true));
        Assert.Equal(["S:j created", "S:j aborting", "S:j concluded", "S:j null"], world.Take());
        Assert.Equal(["force-cancelled", "abort", "clean"], job.Calls);
    }

    [Fact]
    public void At_shutdown_all_jobs_are_cancelled_one_after_the_other_and_forgotten()
    {
        var world = new JobWorld();
        world.Add("unstarted");
        world.Start("done", work: _ => ValueTask.CompletedTask, with: s => s with { AutoDismiss = false });
        var paused = world.Start("paused", with: s => s with { AutoDismiss = false });
        var busy = world.Start("busy", work: async j =>
        {
            await j.RequestAsync();
            await j.RequestAsync();
        });
        world.Do(paused.Pause);
        world.Take();
        world.Do(world.Jobs.CancelAllAsync);
        Assert.Empty(world.Take());
        world.Do(() => busy.EndRequest());
        Assert.Equal(
            [
                "S:busy aborting", "CANCELLED busy backup 1/10 speed 0", "S:busy concluded", "S:busy null",
                "S:paused running", "S:paused aborting", "CANCELLED paused backup 0/10 speed 0", "S:paused concluded", "S:paused null",
                "S:done null",
                "S:unstarted aborting", "S:unstarted concluded", "S:unstarted null",
            ],
            world.Take());
        Assert.True(world.IsDone);
    }

    [Fact]
    public void Progress_is_right_before_anything_was_done()
    {
        var world = new JobWorld();
        var job = world.Add();
        Assert.Equal((0, 10), (world.Jobs.Describe()[0].CurrentProgress, world.Jobs.Describe()[0].TotalProgress));
        job.Progress.Advance(4);
        job.Progress.AddRemaining(-2);
        Assert.Equal((4, 4, 8), (job.Progress.Current, job.Progress.Remaining, job.Progress.Total));
        job.Progress.Advance(7);
        job.Progress.AddRemaining(3);
        Assert.Equal((11, 14), (job.Progress.Current, job.Progress.Total));
    }

    [Fact]
    public void What_is_no_BlockException_is_thrown_on_the_thread()
    {
        var world = new JobWorld();
        Assert.Throws<InvalidTimeZoneException>(() => world.Start(work: _ => throw new InvalidTimeZoneException()));
    }
}
