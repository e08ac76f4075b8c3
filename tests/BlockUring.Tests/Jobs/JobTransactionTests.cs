using BlockUring.Jobs;
using BlockUring.Native.Interop;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Jobs;

/// <summary>Jobs that end together, in QEMU's order: the newest first.</summary>
public class JobTransactionTests
{
    private readonly JobWorld world = new();
    private readonly JobTransaction both = new();

    [Fact]
    public void All_wait_for_the_last_one()
    {
        var (j1, j2) = Start();
        world.Do(() => j1.EndRequest());
        Assert.Equal(["S:j1 waiting"], world.Take());
        world.Do(() => j2.EndRequest());
        Assert.Equal(
            [
                "S:j2 waiting", "S:j2 pending", "S:j1 pending",
                "COMPLETED j2 backup 1/10 speed 0", "S:j2 concluded", "S:j2 null",
                "COMPLETED j1 backup 1/10 speed 0", "S:j1 concluded", "S:j1 null",
            ],
            world.Take());
    }

    [Fact]
    public void One_that_is_finalised_by_hand_holds_all()
    {
        var (j1, j2) = Start(with1: s => s with { AutoFinalize = false });
        world.Do(() => j1.EndRequest());
        world.Do(() => j2.EndRequest());
        Assert.Equal(["S:j1 waiting", "S:j2 waiting", "S:j2 pending", "S:j1 pending", "PENDING j1 backup"], world.Take());
        world.Do(j2.FinalizeAsync);
        Assert.Equal(
            [
                "COMPLETED j2 backup 1/10 speed 0", "S:j2 concluded", "S:j2 null",
                "COMPLETED j1 backup 1/10 speed 0", "S:j1 concluded", "S:j1 null",
            ],
            world.Take());
    }

    [Fact]
    public void A_cancelled_pending_job_takes_the_others_down()
    {
        var (j1, j2) = Start(with1: s => s with { AutoFinalize = false });
        world.Do(() => j1.EndRequest());
        world.Do(() => j2.EndRequest());
        world.Take();
        world.Do(() => j1.CancelAsync(force: true));
        Assert.Equal([.. Cancelled("j2", 1), .. Cancelled("j1", 1)], world.Take());
    }

    [Fact]
    public void A_cancelled_waiting_job_takes_down_those_that_work()
    {
        var (j1, j2) = Start();
        world.Do(() => j2.EndRequest());
        world.Take();
        world.Do(() => j2.CancelAsync(force: true));
        Assert.Equal(Cancelled("j2", 1), world.Take());
        Assert.False(world.IsDone);
        world.Do(() => j1.EndRequest());
        Assert.Equal(Cancelled("j1", 1), world.Take());
        Assert.True(world.IsDone);
    }

    [Fact]
    public void A_cancelled_job_takes_down_one_that_waits()
    {
        var (j1, j2) = Start(work1: Idle);
        world.Do(() => j2.EndRequest());
        world.Take();
        world.Do(() => j1.CancelAsync(force: true));
        Assert.Equal(["S:j1 aborting", .. Cancelled("j2", 1), .. Cancelled("j1", 0)[1..]], world.Take());
    }

    [Fact]
    public void A_failure_cancels_the_others_paused_ones_included()
    {
        var (j1, j2) = Start(work1: Idle);
        world.Do(j1.Pause);
        world.Take();
        world.Do(() => j2.EndRequest(Errno.EIO));
        Assert.Equal(
            [
                "S:j2 aborting", "S:j1 running",
                "COMPLETED j2 backup 0/10 speed 0: Input/output error", "S:j2 concluded", "S:j2 null",
                .. Cancelled("j1", 0),
            ],
            world.Take());
        Assert.Equal(["abort", "clean"], j2.Calls);
    }

    [Fact]
    public void The_failing_one_waits_for_newer_ones_to_end()
    {
        var (j1, j2) = Start();
        world.Take();
        world.Do(() => j1.EndRequest(Errno.EIO));
        Assert.Equal(["S:j1 aborting"], world.Take());
        Assert.True(j2.IsForceCancelled);
        world.Do(() => j2.EndRequest());
        Assert.Equal(
            [.. Cancelled("j2", 1), "COMPLETED j1 backup 0/10 speed 0: Input/output error", "S:j1 concluded", "S:j1 null"], world.Take());
    }

    [Fact]
    public void A_failure_to_prepare_drops_the_results_of_all()
    {
        var failure = new BlockException(BlockErrorKind.Invalid, "No");
        var j1 = world.Start("j1", j => j.RequestAsync(), transaction: both, prepareFailure: failure);
        var j2 = world.Start("j2", j => j.RequestAsync(), transaction: both);
        var j3 = world.Start("j3", j => j.RequestAsync(), transaction: both);
        foreach (var job in new[] { j1, j2, j3 })
            world.Do(() => job.EndRequest());
        Assert.Equal(
            [
                "S:j1 aborting", .. Cancelled("j3", 1), .. Cancelled("j2", 1),
                "COMPLETED j1 backup 1/10 speed 0: No", "S:j1 concluded", "S:j1 null",
            ],
            world.Take()[^12..]);
        Assert.Equal(["prepare", "force-cancelled", "abort", "clean"], j3.Calls);
        Assert.Equal(["prepare", "abort", "clean"], j1.Calls);
    }

    [Fact]
    public void Jobs_that_were_not_started_go_with_the_one_that_is_cancelled()
    {
        var j1 = world.Add("j1", transaction: both);
        var j2 = world.Add("j2", transaction: both);
        world.Take();
        world.Do(() => j2.CancelAsync(force: true));
        Assert.Equal(["S:j2 aborting", "S:j2 concluded", "S:j2 null", "S:j1 aborting", "S:j1 concluded", "S:j1 null"], world.Take());
        Assert.Equal(["force-cancelled", "abort", "clean"], j1.Calls);
    }

    [Fact]
    public void One_that_was_discarded_does_not_hold_the_others()
    {
        var j1 = world.Add("j1", j => j.RequestAsync(), transaction: both);
        world.Add("j2", transaction: both).Discard();
        world.Do(j1.Start);
        world.Do(() => j1.EndRequest());
        Assert.Equal("S:j1 null", world.Take()[^1]);
    }

    [Fact]
    public void One_that_fails_while_the_others_are_not_started_takes_them_down()
    {
        var j1 = world.Add("j1", transaction: both);
        var j2 = world.Add("j2", j => j.RequestAsync(), transaction: both);
        world.Do(j2.Start);
        world.Take();
        world.Do(() => j2.EndRequest(Errno.EIO));
        Assert.Equal("S:j1 null", world.Take()[^1]);
        Assert.Equal(JobStatus.Null, j1.Status);
    }

    [Fact]
    public void Jobs_of_their_own_do_not_care_for_each_other()
    {
        var j1 = world.Start("j1", j => j.RequestAsync());
        var j2 = world.Start("j2");
        world.Do(() => j1.EndRequest(Errno.EIO));
        Assert.Equal((JobStatus.Null, JobStatus.Running), (j1.Status, j2.Status));
    }

    private static async ValueTask Idle(ScriptedJob job)
    {
        while (true)
            await job.WaitAsync();
    }

    private static string[] Cancelled(string id, int done) =>
        [$"S:{id} aborting", $"CANCELLED {id} backup {done}/10 speed 0", $"S:{id} concluded", $"S:{id} null"];

    private (ScriptedJob J1, ScriptedJob J2) Start(
        Func<ScriptedJob, ValueTask>? work1 = null, Func<JobSettings, JobSettings>? with1 = null)
    {
        var j1 = world.Start("j1", work1 ?? (j => j.RequestAsync()), with1, both);
        var j2 = world.Start("j2", j => j.RequestAsync(), transaction: both);
        world.Take();
        return (j1, j2);
    }
}
