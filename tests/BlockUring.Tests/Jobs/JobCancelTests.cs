using BlockUring.Jobs;
using BlockUring.Native.Interop;
using Xunit;

namespace BlockUring.Tests.Jobs;

/// <summary>Cancelling a job wherever it can be.</summary>
public class JobCancelTests
{
    private static readonly string[] End = ["S:j aborting", "CANCELLED j backup 0/10 speed 0", "S:j concluded", "S:j null"];

    [Fact]
    public void An_idle_job_ends_after_the_verb_and_before_what_is_posted_next()
    {
        var world = new JobWorld();
        var job = world.Start();
        world.Take();
        world.Do(async () =>
        {
            await job.CancelAsync(force: true);
            Assert.Empty(world.Take());
            world.Scheduler.Post(() => Assert.Equal(End, world.Take()));
        });
        Assert.Empty(world.Take());
        Assert.Equal(["force-cancelled", "abort", "clean"], job.Calls);
    }

    [Fact]
    public void A_busy_job_ends_when_its_requests_have()
    {
        var world = new JobWorld();
        var job = world.Start(work: async j =>
        {
            await j.RequestAsync();
            await j.RequestAsync();
        });
        world.Take();
        world.Do(() => job.CancelAsync(force: false));
        Assert.Empty(world.Take());
        world.Do(() => job.EndRequest());
        Assert.Equal(["S:j aborting", "CANCELLED j backup 1/10 speed 0", "S:j concluded", "S:j null"], world.Take());
    }

    [Fact]
    public void A_request_that_fails_of_it_is_no_error()
    {
        var world = new JobWorld();
        var job = world.Start(work: j => j.TryRequestAsync(JobErrorPolicy.Stop));
        world.Take();
        world.Do(() => job.CancelAsync(force: true));
        world.Do(() => job.EndRequest(Errno.ECANCELED));
        Assert.Equal(End, world.Take());
    }

    [Fact]
    public void A_paused_job_shows_that_it_goes_on()
    {
        var world = new JobWorld();
        var job = world.Start();
        world.Do(job.Pause);
        world.Take();
        world.Do(() => job.CancelAsync(force: true));
        Assert.Equal(["S:j running", .. End], world.Take());
    }

    [Fact]
    public void A_job_stopped_by_an_error_ends()
    {
        var world = new JobWorld();
        var job = world.Start(work: j => j.TryRequestAsync(JobErrorPolicy.Stop), with: s => s with { AutoDismiss = false });
        world.Do(() => job.EndRequest(Errno.EIO));
        world.Take();
        world.Do(() => job.CancelAsync(force: true));
        Assert.Equal(["S:j running", .. End[..^1]], world.Take());
        Assert.Equal((JobIoStatus.Ok, "Operation canceled"), (job.IoStatus, job.Error));
    }

    [Fact]
    public void A_drained_job_ends_after_the_drain()
    {
        var world = new JobWorld();
        var job = world.Start();
        world.Do(job.Pause);
        world.Do(job.BeginDrainAsync);
        world.Take();
        world.Do(() => job.CancelAsync(force: true));
        Assert.Empty(world.Take());
        world.Do(job.EndDrain);
        Assert.Equal(["S:j running", .. End], world.Take());
    }

    [Fact]
    public void A_drain_that_begins_as_the_job_ends_holds_the_end_back()
    {
        var world = new JobWorld();
        var job = world.Start();
        world.Take();
        world.Do(async () =>
        {
            await job.CancelAsync(force: true);
            await job.BeginDrainAsync();
        });
        Assert.Equal(["S:j paused"], world.Take());
        world.Do(job.EndDrain);
        Assert.Equal(["S:j running", .. End], world.Take());
    }

    [Fact]
    public void A_job_that_sleeps_for_its_speed_ends_at_once()
    {
        var world = new JobWorld();
        var job = world.Start(work: j => j.WorkersAsync(4, async _ => await j.TurnAsync(1 << 20)), with: s => s with { Speed = 1024 });
        world.Take();
        world.Do(() => job.CancelAsync(force: true));
        Assert.Equal(["S:j aborting", "CANCELLED j backup 0/10 speed 1024", "S:j concluded", "S:j null"], world.Take());
    }

    [Fact]
    public void A_ready_job_is_cancelled_by_force()
    {
        var world = new JobWorld();
        var job = world.StartMirror();
        world.Do(job.Pause);
        world.Take();
        world.Do(() => job.CancelAsync(force: true));
        Assert.Equal(["S:j ready", "S:j aborting", "CANCELLED j mirror 0/10 speed 0", "S:j concluded", "S:j null"], world.Take());
    }

    [Fact]
    public void A_mirror_that_is_not_ready_is_cancelled_by_force_however_softly_it_is_asked()
    {
        var world = new JobWorld();
        var job = world.Start(isMirror: true);
        world.Take();
        world.Do(() => job.CancelAsync(force: false));
        Assert.Contains("CANCELLED j mirror 0/10 speed 0", world.Take());
    }

    [Fact]
    public void A_second_soft_cancel_does_not_take_a_forced_one_back()
    {
        var world = new JobWorld();
        var job = world.Start(work: async j =>
        {
            await j.BecomeReadyAsync();
            await j.RequestAsync();
        }, isMirror: true);
        world.Do(() => job.CancelAsync(force: true));
        world.Do(() => job.CancelAsync(force: false));
        world.Take();
        world.Do(() => job.EndRequest());
        Assert.Equal("CANCELLED j mirror 1/10 speed 0", world.Take()[1]);
    }

    [Fact]
    public void A_job_that_is_cancelled_between_its_last_step_and_its_end_is_cancelled()
    {
        var world = new JobWorld();
        var job = world.Start(work: j => j.RequestAsync());
        world.Take();
        world.Do(() =>
        {
            job.EndRequest();
            return job.CancelAsync(force: true);
        });
        Assert.Equal(["S:j aborting", "CANCELLED j backup 1/10 speed 0", "S:j concluded", "S:j null"], world.Take());
    }

    [Fact]
    public void A_pending_job_is_gone_when_the_verb_returns()
    {
        var world = new JobWorld();
        var job = world.Start(work: _ => ValueTask.CompletedTask, with: s => s with { AutoFinalize = false });
        world.Take();
        world.Do(async () =>
        {
            await job.CancelAsync(force: true);
            Assert.Equal(End, world.Take());
        });
        Assert.Equal(["force-cancelled", "abort", "clean"], job.Calls);
    }

    [Fact]
    public void A_job_that_is_being_finalised_takes_no_verb()
    {
        var world = new JobWorld();
        var hold = new TaskCompletionSource();
        var job = world.Start(work: _ => ValueTask.CompletedTask, with: s => s with { AutoFinalize = false }, cleanHold: hold);
        world.Do(job.FinalizeAsync);
        Assert.Equal("Job 'j' in state 'pending' cannot accept command verb 'cancel'", world.Refusal(() => job.CancelAsync(force: true)));
        Assert.Equal("Job 'j' in state 'pending' cannot accept command verb 'finalize'", world.Refusal(job.FinalizeAsync));
        world.Do(world.Jobs.CancelAllAsync);
        Assert.False(world.IsDone);
        world.Do(hold.SetResult);
        Assert.True(world.IsDone);
        Assert.Equal("COMPLETED j backup 0/10 speed 0", world.Take()[^3]);
    }
}
