using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Jobs.Backup;
using BlockUring.Jobs.Mirror;
using BlockUring.Storage;
using BlockUring.Tests.Graph;
using Xunit;

namespace BlockUring.Tests.Jobs.Mirror;

public sealed class MirrorJobTests : IDisposable
{
    private const int Length = 1 << 20;

    private readonly GraphWorld world = new();
    private readonly List<JobEvent> events = [];
    private readonly JobList jobs;
    private readonly BlockNode source;
    private readonly BlockNode target;
    private readonly DiskUser guest;

    public MirrorJobTests()
    {
        jobs = new JobList(events.Add);
        world.MakeRaw("/s");
        world.MakeRaw("/t");
        source = world.Add("{'driver':'raw','node-name':'s','file':{'driver':'file','filename':'/s'}}");
        target = world.Add("{'driver':'raw','node-name':'t','file':{'driver':'file','filename':'/t'}}");
        guest = world.Use(source, GraphWorld.Writing);
        Write(guest, 0, Length, 1);
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void Whoever_uses_the_disk_uses_the_target_after_the_pivot_wherever_he_wrote_before()
    {
        var job = Start();
        var below = world.Use(source, GraphWorld.Writing);
        Write(guest, 5, 70000, 2);
        Write(below, 300000, 10, 3);
        Settle(job.CompleteAsync());
        Assert.Same(target, guest.Node);
        Assert.Same(target, below.Node);
        Assert.DoesNotContain(world.Graph.Nodes, n => n is MirrorTopNode);
        world.Expect(target, 5, 70000, 2);
        world.Expect(target, 300000, 10, 3);
        Write(below, 300000, 10, 4);
        world.Expect(source, 300000, 10, 3);
    }

    [Fact]
    public void A_soft_cancel_leaves_a_copy_and_the_disk_in_use()
    {
        var job = Start();
        Write(guest, 100, 50, 2);
        Settle(job.CancelAsync(force: false));
        Assert.Null(Assert.Single(events.OfType<JobEvent.Completed>()).Error);
        Write(guest, 100, 50, 3);
        Assert.Same(source, guest.Node);
        world.Expect(target, 100, 50, 2);
        Assert.True(source.Observers.IsIdle);
    }

    [Fact]
    public void A_blocking_mirror_ends_no_write_before_the_target_has_it()
    {
        var job = Start(r => r with { CopyMode = MirrorCopyMode.WriteBlocking });
        Assert.True(job.DescribeBlockJob().IsActivelySynced);
        world.Host["/t"].IsHeld = true;
        var write = world.WriteAsync(guest, 1000, 777, 2);
        Settle();
        Assert.False(write.IsCompleted);
        world.Expect(source, 1000, 777, 2);
        world.Host["/t"].Release();
        Settle(write);
        world.Expect(target, 1000, 777, 2);
        Assert.True(job.DescribeBlockJob().IsActivelySynced);
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(65535, 2)]
    [InlineData(1, 400000)]
    [InlineData(Length - 5, 5)]
    public void A_blocking_mirror_takes_zeroes_of_any_length(int offset, int length)
    {
        var job = Start(r => r with { CopyMode = MirrorCopyMode.WriteBlocking });
        Settle(guest.WriteZeroesAsync(offset, length, WriteFlags.MayUnmap));
        world.Expect(target, offset, length, 0);
        Settle(guest.DiscardAsync(offset, length));
        Settle(job.CompleteAsync());
        Assert.Equal(world.Read(source, 0, Length), world.Read(target, 0, Length));
    }

    [Theory]
    [InlineData(JobErrorPolicy.Stop)]
    [InlineData(JobErrorPolicy.Ignore)]
    [InlineData(JobErrorPolicy.Report)]
    public void A_write_that_the_target_refuses_succeeds(JobErrorPolicy policy)
    {
        world.MakeRaw("/f");
        var failing = world.Add(
            "{'driver':'blkdebug','node-name':'d','image':{'driver':'file','filename':'/f'}," +
            "'inject-error':[{'event':'none','iotype':'write','errno':5,'once':true,'sector':3}]}");
        var job = Start(r => r with
        {
            Target = failing,
            Sync = BackupSync.None,
            CopyMode = MirrorCopyMode.WriteBlocking,
            OnTargetError = policy,
        });
        Settle(world.WriteAsync(guest, 3 * 512, 512, 2));
        var error = Assert.Single(events.OfType<JobEvent.IoError>());
        Assert.False(error.IsRead);
        Settle(TimeSpan.FromSeconds(5));
        if (policy == JobErrorPolicy.Report)
        {
            Assert.NotNull(Assert.Single(events.OfType<JobEvent.Completed>()).Error);
            Assert.Same(source, guest.Node);
            return;
        }

        if (policy == JobErrorPolicy.Stop)
            job.Resume();
        Settle(TimeSpan.FromSeconds(5));
        world.Expect(failing, 3 * 512, 512, 2);
        Assert.True(job.DescribeBlockJob().IsActivelySynced);
    }

    [Fact]
    public void Ignored_failures_are_not_told_without_end()
    {
        world.MakeRaw("/f");
        var failing = world.Add(
            "{'driver':'blkdebug','node-name':'d','image':{'driver':'file','filename':'/f'}," +
            "'inject-error':[{'event':'none','iotype':'write','errno':5}]}");
        var job = Start(r => r with { Target = failing, OnTargetError = JobErrorPolicy.Ignore });
        Settle(TimeSpan.FromSeconds(60));
        Assert.InRange(events.OfType<JobEvent.IoError>().Count(), 2, 1200);
        Settle(job.CancelAsync(force: true));
        Assert.Single(events.OfType<JobEvent.Cancelled>());
        Assert.Same(source, guest.Node);
    }

    [Fact]
    public void The_copy_mode_may_change_at_any_time()
    {
        var job = Start();
        Assert.False(job.DescribeBlockJob().IsActivelySynced);
        job.Change(MirrorCopyMode.WriteBlocking);
        Write(guest, 0, 100, 5);
        Settle();
        Assert.True(job.DescribeBlockJob().IsActivelySynced);
        job.Change(MirrorCopyMode.Background);
        Write(guest, 200, 100, 6);
        Assert.False(job.DescribeBlockJob().IsActivelySynced);
        Settle(job.CompleteAsync());
        world.Expect(target, 200, 100, 6);
    }

    [Fact]
    public void Every_range_is_announced_before_the_target_is_written()
    {
        var announced = new DirtyBitmap(null, Length, 512);
        var job = Start(r => r with
        {
            BeforeTargetWrite = (offset, length) =>
            {
                Assert.DoesNotContain(world.Host["/t"].Log, l => l.StartsWith($"write {offset}+", StringComparison.Ordinal));
                announced.Set(offset, length);
                return ValueTask.CompletedTask;
            },
        });
        Assert.True(job.IsReady);
        Assert.Equal(Length, announced.Count);
    }

    [Fact]
    public void A_range_that_cannot_be_protected_is_not_written()
    {
        var refusal = new BlockException(BlockErrorKind.Access, "not that one");
        Start(r => r with { BeforeTargetWrite = (_, _) => throw refusal });
        Assert.Equal("not that one", Assert.Single(events.OfType<JobEvent.Completed>()).Error);
        Assert.DoesNotContain(world.Host["/t"].Log, l => l.StartsWith("write", StringComparison.Ordinal));
    }

    [Fact]
    public void What_would_be_left_behind_by_the_pivot_is_refused()
    {
        world.MakeRaw("/o");
        var other = world.Add("{'driver':'raw','node-name':'o','file':{'driver':'file','filename':'/o'}}");
        Start();
        Assert.Equal(
            "Node 's' is busy: block device is in use by block job: mirror",
            GraphWorld.Fails(MirrorJob.CreateAsync(world.Graph, jobs, Request() with { Target = other })).Message);
        foreach (var operation in new[] { NodeOperation.ExternalSnapshot, NodeOperation.Resize, NodeOperation.BackupTarget, NodeOperation.CommitTarget })
            Assert.Throws<BlockException>(() => source.Blockers.Demand("s", operation));
        source.Blockers.Demand("s", NodeOperation.BackupSource | NodeOperation.Stream | NodeOperation.Reopen);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_backup_of_the_same_disk_keeps_its_instant_over_the_pivot(bool isFirst)
    {
        world.MakeRaw("/o");
        var copy = world.Add("{'driver':'raw','node-name':'o','file':{'driver':'file','filename':'/o'}}");
        var backup = new BackupRequest(new JobSettings("b"), source, copy);
        if (isFirst)
            StartPaused();
        var job = Start();
        if (!isFirst)
            StartPaused();
        Write(guest, 0, 1000, 2);
        Settle(job.CompleteAsync());
        Assert.Contains(target, NodeChain.From(guest.Node));
        Write(guest, 500000, 1000, 3);
        jobs.FindBlockJob("b").Resume();
        Settle();
        world.Expect(copy, 0, Length, 1);
        world.Expect(target, 500000, 1000, 3);
        Assert.Empty(jobs.All);
        Assert.Same(target, guest.Node);

        void StartPaused()
        {
            var started = GraphWorld.Done(BackupJob.CreateAsync(world.Graph, jobs, backup));
            started.Start();
            started.Pause();
        }
    }

    [Fact]
    public void An_interrupted_mirror_leaves_what_the_target_lacks_in_the_bitmap()
    {
        var bitmap = source.Bitmaps.Create("b", Length, 4096);
        var job = Start(r => r with { Bitmap = bitmap, BitmapMode = BitmapMode.Always });
        job.Pause();
        Write(guest, 8192, 10, 2);
        Settle(job.CancelAsync(force: true));
        var lacking = source.Bitmaps.Get("b");
        Assert.True(lacking.Get(8192));
        Assert.Equal(64 << 10, lacking.Count);
        Write(guest, 600000, 10, 3);
        job = Start(r => r with { Sync = BackupSync.Bitmap, Bitmap = lacking, BitmapMode = BitmapMode.Always });
        Settle(job.CancelAsync(force: false));
        Assert.Equal(world.Read(source, 0, Length), world.Read(target, 0, Length));
        Assert.True(source.Bitmaps.Get("b").IsAllClean);
    }

    private MirrorRequest Request() => new(new JobSettings("m"), source, target);

    private MirrorJob Start(Func<MirrorRequest, MirrorRequest>? with = null)
    {
        var job = GraphWorld.Done(MirrorJob.CreateAsync(world.Graph, jobs, with?.Invoke(Request()) ?? Request()));
        job.Start();
        Settle();
        return job;
    }

    private void Write(DiskUser user, int offset, int length, byte value) => Settle(world.WriteAsync(user, offset, length, value));

    private void Settle(ValueTask task = default)
    {
        Settle(TimeSpan.Zero);
        GraphWorld.Done(task);
    }

    private void Settle(TimeSpan time) => world.Scheduler.Advance(time);
}
