using BlockUring.Jobs;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Simulation;
using BlockUring.Simulation.Jobs;
using Xunit;

namespace BlockUring.Tests.Jobs;

/// <summary>The job that reads a disk and does nothing with it.</summary>
public class NullJobTests
{
    private const int MiB = 1 << 20;

    private readonly JobWorld world = new();

    [Theory]
    [InlineData(0)]
    [InlineData(512)]
    [InlineData(MiB)]
    [InlineData((40 * MiB) + 1024)]
    public void Every_byte_is_read_once(long length)
    {
        var disk = new SimulatedGuestDisk(world.Scheduler, length);
        var job = Start(disk);
        Assert.Equal($"COMPLETED j null {length}/{length} speed 0", world.Take()[^3]);
        long end = 0;
        foreach (var (offset, part) in disk.Reads.Order())
        {
            Assert.Equal(end, offset);
            end += part;
        }

        Assert.Equal(length, end);
        Assert.Equal(0, disk.Buffers.RentedBytes);
        Assert.Equal(JobStatus.Null, job.Status);
    }

    [Fact]
    public void Many_requests_are_in_flight_and_the_total_is_known_at_once()
    {
        var disk = new SimulatedGuestDisk(world.Scheduler, 100 * MiB);
        var job = new NullJob(world.Scheduler, new JobSettings("j"), disk);
        world.Jobs.Add(job);
        job.Start();
        Assert.Equal(16, disk.PendingCount);
        Assert.Equal(new JobInfo("j", JobType.Null, JobStatus.Running, 0, 100 * MiB, null), world.Jobs.Describe()[0]);
        world.Scheduler.Settle();
        Assert.Equal(JobStatus.Null, job.Status);
    }

    [Fact]
    public void An_error_ends_it_after_all_requests_have()
    {
        var disk = new SimulatedGuestDisk(world.Scheduler, 100 * MiB) { Fault = offset => offset == 20 * MiB ? Errno.EIO : 0 };
        Start(disk);
        var events = world.Take();
        Assert.Equal(["S:j created", "S:j running", "ERROR j read Report", "S:j aborting"], events[..4]);
        Assert.EndsWith("speed 0: Input/output error", events[4]);
        Assert.Equal((0, 0), (disk.PendingCount, disk.Buffers.RentedBytes));
    }

    [Fact]
    public void An_error_stops_it_and_it_reads_again_when_it_is_resumed()
    {
        var disk = new SimulatedGuestDisk(world.Scheduler, 100 * MiB) { Fault = offset => offset == 20 * MiB ? Errno.EIO : 0 };
        var job = Start(disk, JobErrorPolicy.Stop);
        Assert.Equal(["ERROR j read Stop", "S:j paused"], world.Take()[^2..]);
        Assert.True(job is { IoStatus: JobIoStatus.Failed, IsBusy: false });
        world.Do(job.Resume);
        Assert.Equal(["S:j running", "ERROR j read Stop", "S:j paused"], world.Take());
        disk.Fault = _ => 0;
        world.Do(job.Resume);
        Assert.Equal($"COMPLETED j null {100 * MiB}/{100 * MiB} speed 0", world.Take()[^3]);
        Assert.Equal(100, disk.Reads.Count);
    }

    [Fact]
    public void An_error_that_is_ignored_counts_as_read()
    {
        var disk = new SimulatedGuestDisk(world.Scheduler, 3 * MiB) { Fault = offset => offset == MiB ? Errno.EIO : 0 };
        Start(disk, JobErrorPolicy.Ignore);
        Assert.Equal($"COMPLETED j null {3 * MiB}/{3 * MiB} speed 0", world.Take()[^3]);
        Assert.Equal(2, disk.Reads.Count);
    }

    [Fact]
    public void A_disk_that_answers_at_once_leaves_the_thread_to_others()
    {
        var disk = new SimulatedGuestDisk(world.Scheduler, 2000L * MiB) { EndsAtOnce = true };
        var job = new NullJob(world.Scheduler, new JobSettings("j"), disk);
        world.Jobs.Add(job);
        job.Start();
        Assert.InRange(disk.Reads.Count, 1, 128);
        world.Scheduler.Settle();
        Assert.Equal(2000, disk.Reads.Count);
        Assert.Equal(JobStatus.Null, job.Status);
    }

    [Theory]
    [InlineData(4, true)]
    [InlineData(0, false)]
    public void Where_memory_is_short_it_does_with_less(int mebibytes, bool isEnough)
    {
        using var buffers = new BufferPool(mebibytes * MiB, MiB);
        var scheduler = new SimulatedScheduler(1, buffers);
        var events = new List<JobEvent>();
        var job = new NullJob(scheduler, new JobSettings("j"), new SimulatedGuestDisk(scheduler, 20 * MiB));
        new JobList(events.Add).Add(job);
        job.Start();
        scheduler.Settle();
        var end = Assert.IsType<JobEvent.Completed>(events[^3]);
        Assert.Equal(isEnough ? null : "Cannot allocate memory", end.Error);
        Assert.Equal(isEnough ? 20 * MiB : 0, end.Offset);
    }

    [Fact]
    public void One_that_waits_for_its_turn_keeps_no_memory_from_others()
    {
        var disk = new SimulatedGuestDisk(world.Scheduler, 100 * MiB);
        var job = new NullJob(world.Scheduler, new JobSettings("j") { Speed = 1 }, disk);
        world.Jobs.Add(job);
        world.Do(job.Start);
        Assert.Equal((JobStatus.Running, 1 * MiB), (job.Status, job.Progress.Current));
        Assert.Equal(0, disk.Buffers.RentedBytes);
    }

    [Fact]
    public void One_without_memory_waits_for_that_of_others()
    {
        using var buffers = new BufferPool(MiB, MiB);
        var scheduler = new SimulatedScheduler(1, buffers);
        var events = new List<JobEvent>();
        var job = new NullJob(scheduler, new JobSettings("j"), new SimulatedGuestDisk(scheduler, 20 * MiB));
        new JobList(events.Add).Add(job);
        var other = buffers.Rent(MiB);
        job.Start();
        scheduler.Pass(TimeSpan.FromSeconds(1));
        Assert.Equal((JobStatus.Running, 0L), (job.Status, job.Progress.Current));
        other.Dispose();
        scheduler.Pass(TimeSpan.FromSeconds(1));
        Assert.Equal((JobStatus.Null, null, 20 * MiB), (job.Status, job.Error, job.Progress.Current));
    }

    private NullJob Start(SimulatedGuestDisk disk, JobErrorPolicy onError = JobErrorPolicy.Report)
    {
        var job = new NullJob(world.Scheduler, new JobSettings("j"), disk, onError);
        world.Jobs.Add(job);
        world.Do(job.Start);
        return job;
    }
}
