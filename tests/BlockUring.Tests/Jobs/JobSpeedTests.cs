using BlockUring.Jobs;
using BlockUring.Simulation.Jobs;
using Xunit;

namespace BlockUring.Tests.Jobs;

/// <summary>The speed of jobs, by the clock.</summary>
public class JobSpeedTests
{
    private const long MiB = 1 << 20;

    private readonly JobWorld world = new();

    [Fact]
    public void A_job_keeps_its_speed()
    {
        var job = StartNull(MiB);
        Assert.Equal(1 * MiB, job.Progress.Current);
        world.Scheduler.Pass(TimeSpan.FromSeconds(20));
        Assert.InRange(job.Progress.Current, 20 * MiB, 21 * MiB);
        world.Scheduler.Pass(TimeSpan.FromSeconds(80));
        Assert.Equal(JobStatus.Null, job.Status);
    }

    [Fact]
    public void A_higher_speed_has_effect_at_once()
    {
        var job = StartNull(1);
        world.Scheduler.Pass(TimeSpan.FromSeconds(100));
        Assert.Equal(1 * MiB, job.Progress.Current);
        world.Do(() => job.SetSpeed(1000 * MiB));
        world.Scheduler.Pass(TimeSpan.FromMilliseconds(40));
        Assert.InRange(job.Progress.Current, 38 * MiB, 41 * MiB);
        Assert.Equal(1000 * MiB, world.Jobs.DescribeBlockJobs()[0].Speed);
    }

    [Fact]
    public void No_limit_has_effect_at_once()
    {
        var job = StartNull(1);
        world.Do(() => job.SetSpeed(0));
        Assert.Equal("COMPLETED j null 67108864/67108864 speed 0", world.Take()[^3]);
    }

    [Fact]
    public void A_lower_speed_has_effect_at_once()
    {
        var job = StartNull(10 * MiB);
        world.Scheduler.Pass(TimeSpan.FromSeconds(1));
        var done = job.Progress.Current;
        world.Do(() => job.SetSpeed(MiB / 16));
        world.Scheduler.Pass(TimeSpan.FromSeconds(16));
        Assert.InRange(job.Progress.Current - done, 0, 2 * MiB);
    }

    [Fact]
    public void A_job_that_sleeps_is_paused_at_once()
    {
        var job = StartNull(MiB);
        world.Take();
        world.Do(() =>
        {
            job.Pause();
            Assert.Equal(["S:j paused"], world.Take());
        });
        world.Scheduler.Pass(TimeSpan.FromSeconds(100));
        Assert.Equal(1 * MiB, job.Progress.Current);
    }

    private NullJob StartNull(long speed)
    {
        var disk = new SimulatedGuestDisk(world.Scheduler, 64 * MiB);
        var job = new NullJob(world.Scheduler, new JobSettings("j") { Speed = speed }, disk);
        world.Jobs.Add(job);
        world.Do(job.Start);
        return job;
    }
}
