using BlockUring.Jobs;
using BlockUring.Native.Interop;
using Xunit;

namespace BlockUring.Tests.Jobs;

/// <summary>Pauses of users, drains and errors, one in the other.</summary>
public class JobPauseTests
{
    [Fact]
    public void A_busy_job_is_paused_when_its_last_request_has_ended()
    {
        var world = new JobWorld();
        var job = world.Start(work: j => j.WorkersAsync(2, async _ =>
        {
            await j.RequestAsync();
            await j.RequestAsync();
        }));
        world.Take();
        world.Do(job.Pause);
        world.Do(() => job.EndRequest());
        Assert.Empty(world.Take());
        Assert.True(world.Jobs.DescribeBlockJobs()[0] is { IsPaused: true, IsBusy: true });
        world.Do(() => job.EndRequest());
        Assert.Equal(["S:j paused"], world.Take());
        Assert.False(job.IsBusy);
        world.Do(job.Resume);
        Assert.Equal(["S:j running"], world.Take());
        Assert.True(job.IsBusy);
        Assert.Equal(["paused", "resumed"], job.Calls);
    }

    [Fact]
    public void An_idle_job_is_paused_before_the_verb_returns()
    {
        var world = new JobWorld();
        var job = world.Start();
        world.Take();
        world.Do(() =>
        {
            job.Pause();
            Assert.Equal(["S:j paused"], world.Take());
            job.Resume();
            Assert.Equal(["S:j running"], world.Take());
        });
    }

    [Fact]
    public void Pauses_count_and_the_last_one_to_end_lets_the_job_go_on()
    {
        var world = new JobWorld();
        var job = world.Start();
        world.Take();
        world.Do(job.BeginDrainAsync);
        world.Do(job.Pause);
        world.Do(job.BeginDrainAsync);
        Assert.Equal(3, job.PauseCount);
        world.Do(job.EndDrain);
        world.Do(job.Resume);
        Assert.Equal(["S:j paused"], world.Take());
        Assert.Equal("Can't resume a job that was not paused", world.Refusal(job.Resume));
        world.Do(job.EndDrain);
        Assert.Equal(["S:j running"], world.Take());
        Assert.Equal(0, job.PauseCount);
    }

    [Fact]
    public void A_drain_ends_when_nothing_is_in_flight()
    {
        var world = new JobWorld();
        var job = world.Start(work: async j =>
        {
            await j.RequestAsync();
            await j.RequestAsync();
        });
        world.Do(job.BeginDrainAsync);
        Assert.False(world.IsDone);
        world.Do(() => job.EndRequest());
        Assert.True(world.IsDone);
        Assert.False(job.IsBusy);
        world.Do(job.EndDrain);
        Assert.True(job.IsBusy);
    }

    [Fact]
    public void A_job_that_is_started_in_a_drain_is_paused_at_once()
    {
        var world = new JobWorld();
        var job = world.Add(work: j => j.RequestAsync());
        world.Do(job.BeginDrainAsync);
        Assert.Equal(2, job.PauseCount);
        world.Do(job.Start);
        Assert.Equal(["S:j created", "S:j running", "S:j paused"], world.Take());
        Assert.False(job.IsBusy);
        world.Do(job.EndDrain);
        Assert.Equal(["S:j running"], world.Take());
        Assert.True(job.IsBusy);
    }

    [Fact]
    public void A_created_job_that_is_paused_starts_paused()
    {
        var world = new JobWorld();
        var job = world.Add();
        world.Do(job.Pause);
        world.Do(job.Start);
        Assert.Equal(["S:j created", "S:j running", "S:j paused"], world.Take());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_job_whose_work_ends_while_it_is_paused_ends_after_it(bool byDrain)
    {
        var world = new JobWorld();
        var job = world.Start(work: j => j.RequestAsync());
        world.Take();
        world.Do(byDrain ? job.BeginDrainAsync : () => PauseAsync(job));
        world.Do(() => job.EndRequest());
        Assert.Equal(["S:j paused"], world.Take());
        world.Do(byDrain ? job.EndDrain : job.Resume);
        Assert.Equal(
            ["S:j running", "S:j waiting", "S:j pending", "COMPLETED j backup 1/10 speed 0", "S:j concluded", "S:j null"], world.Take());
    }

    [Fact]
    public void A_failure_does_not_wait_for_the_user_but_for_a_drain()
    {
        var world = new JobWorld();
        var job = world.Start(work: j => j.WorkersAsync(2, async _ => await j.TryRequestAsync(JobErrorPolicy.Report)));
        world.Do(job.Pause);
        world.Do(job.BeginDrainAsync);
        world.Take();
        world.Do(() => job.EndRequest(Errno.EIO));
        world.Do(() => job.EndRequest());
        Assert.Equal(["ERROR j read Report", "S:j paused"], world.Take());
        world.Do(job.EndDrain);
        Assert.Equal(
            ["S:j running", "S:j aborting", "COMPLETED j backup 1/10 speed 0: Input/output error", "S:j concluded", "S:j null"], world.Take());
    }

    [Fact]
    public void An_error_stops_the_job_until_it_is_resumed()
    {
        var world = new JobWorld();
        var job = world.Start(work: j => j.TryRequestAsync(JobErrorPolicy.Auto, isRead: false));
        world.Take();
        world.Do(() => job.EndRequest(Errno.ENOSPC));
        Assert.Equal(["ERROR j write Stop", "S:j paused"], world.Take());
        Assert.Equal((JobIoStatus.NoSpace, true), (job.IoStatus, job.IsUserPaused));
        Assert.Equal("Job is already paused", world.Refusal(job.Pause));
        Assert.Equal("The block job for device 'j' is currently paused", world.Refusal(() => job.CancelAsync(force: false)));
        world.Do(job.Resume);
        Assert.Equal(["S:j running"], world.Take());
        Assert.Equal(JobIoStatus.Ok, job.IoStatus);
        world.Do(() => job.EndRequest(Errno.EIO));
        Assert.Equal("ERROR j write Report", world.Take()[0]);
    }

    [Fact]
    public void Errors_in_flight_beside_the_one_that_stopped_the_job_are_tried_again_in_silence()
    {
        var world = new JobWorld();
        var job = world.Start(work: j => j.WorkersAsync(3, async _ => await j.TryRequestAsync(JobErrorPolicy.Stop)));
        world.Take();
        world.Do(() => job.EndRequest(Errno.EIO));
        world.Do(() => job.EndRequest(Errno.EIO));
        world.Do(() => job.EndRequest());
        Assert.Equal(["ERROR j read Stop", "S:j paused"], world.Take());
        Assert.Equal(JobIoStatus.Failed, job.IoStatus);
        world.Do(job.Resume);
        world.Do(() => job.EndRequest());
        world.Do(() => job.EndRequest());
        Assert.Equal("COMPLETED j backup 3/10 speed 0", world.Take()[3]);
    }

    [Fact]
    public void An_error_that_is_ignored_is_only_told()
    {
        var world = new JobWorld();
        var job = world.Start(work: j => j.TryRequestAsync(JobErrorPolicy.Ignore));
        world.Take();
        world.Do(() => job.EndRequest(Errno.EIO));
        Assert.Equal(["ERROR j read Ignore", "S:j waiting"], world.Take()[..2]);
    }

    [Fact]
    public void A_drain_of_a_ready_job_shows_standby()
    {
        var world = new JobWorld();
        var job = world.StartMirror();
        world.Take();
        world.Do(job.BeginDrainAsync);
        world.Do(job.EndDrain);
        Assert.Equal(["S:j standby", "S:j ready"], world.Take());
    }

    [Fact]
    public void A_drain_of_a_job_that_has_ended_shows_nothing()
    {
        var world = new JobWorld();
        var job = world.Start(work: _ => ValueTask.CompletedTask, with: s => s with { AutoFinalize = false, AutoDismiss = false });
        world.Take();
        world.Do(job.BeginDrainAsync);
        world.Do(job.EndDrain);
        Assert.Empty(world.Take());
        world.Do(job.FinalizeAsync);
        world.Take();
        world.Do(job.BeginDrainAsync);
        world.Do(job.EndDrain);
        Assert.Empty(world.Take());
        Assert.True(world.IsDone);
    }

    private static ValueTask PauseAsync(Job job)
    {
        job.Pause();
        return ValueTask.CompletedTask;
    }
}
