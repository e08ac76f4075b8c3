using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Jobs.Backup;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Jobs.Backup;

/// <summary>
/// A snapshot of a disk that is being written, read through a snapshot-access node and, where the target is an overlay on the source, through the
/// target, which stalls now and then. The filter is added by name, or a backup's that copies nothing by itself.
/// </summary>
internal sealed class SnapshotWorld : ISimulatedWorld
{
    private readonly Random random;
    private readonly BufferPool buffers = new(256 << 20, 1 << 20);
    private readonly SimulatedScheduler scheduler;
    private readonly SimulatedDisk targetDisk;
    private readonly BlockGraph graph;
    private readonly JobList jobs = new(_ => { });
    private readonly DiskModel model;
    private readonly DiskContent instant;
    private readonly bool[] isForgotten;
    private readonly bool[] mayBeForgotten;
    private readonly string format;
    private readonly bool isOverlay;
    private readonly bool isJob;
    private readonly bool breaksSnapshot;
    private readonly bool isFaulty;
    private CopyBeforeWriteNode filter = null!;
    private bool isOver;

    public SnapshotWorld(int seed)
    {
        random = new Random(seed);
        scheduler = new SimulatedScheduler(seed, buffers) { EarlyDelayShare = random.Next(1, 4) * 0.1 };
        var sourceDisk = new SimulatedDisk(seed + 1, scheduler) { ImmediateShare = random.Next(2) * 0.3 };
        targetDisk = new SimulatedDisk(seed + 2, scheduler) { ImmediateShare = random.Next(2) * 0.3 };
        (isOverlay, isJob) = (random.Next(2) == 0, random.Next(2) == 0);
        (breaksSnapshot, isFaulty) = (random.Next(2) == 0, random.Next(2) == 0);
        var images = new TestImages(buffers, random);
        format = random.Next(2) == 0 ? "raw" : "qcow2";
        var length = (random.Next(1, random.Next(2) == 0 ? 4 : 30) * 65536L) - (random.Next(2) * 512 * random.Next(128));
        images.Create("/sim/s", format, length, 1 << random.Next(12, 20));
        images.Fill("/sim/s", format, 0.6);
        images.Create("/target/t", "qcow2", length, 1 << random.Next(12, 20));
        var sourceHost = new SimulatedHost(buffers, Part(images, "/sim/s"), sourceDisk) { ReportsHoles = random.Next(2) == 0 };
        graph = new BlockGraph(scheduler, new JoinedHost(sourceHost, new SimulatedHost(buffers, Part(images, "/target/t"), targetDisk)));
        model = new DiskModel(images.Read("/sim/s", format));
        instant = model.Capture();
        (isForgotten, mayBeForgotten) = (new bool[length], new bool[length]);
    }

    public override string ToString() =>
        $"{format} {model.Length}{(isOverlay ? ", overlay" : "")}{(isJob ? ", job" : "")}{(isFaulty ? ", stalls" : "")}, break-" +
        (breaksSnapshot ? "snapshot" : "guest-write");

    public void Dispose() => buffers.Dispose();

    public void Run()
    {
        scheduler.Run(RunAsync);
        Assert.Equal(0, buffers.RentedBytes);
    }

    private static Dictionary<string, MemoryFile> Part(TestImages images, string path) => new() { [path] = images.Files[path] };

    private async Task RunAsync()
    {
        var source = await AddAsync($"driver={format},node-name=s,discard=unmap,file.driver=file,file.filename=/sim/s");
        var target = await AddAsync(
            "driver=qcow2,node-name=t,discard=unmap,file.driver=file,file.filename=/target/t" + (isOverlay ? ",backing=s" : ""));
        var guest = new DiskUser("guest");
        var link = await InsertAsync(source, target, guest);
        var access = await AddAsync("driver=snapshot-access,node-name=a,discard=unmap,file=f");
        var through = new DiskUser("reader of the snapshot");
        var below = new DiskUser("reader of the target");
        NodeLink[] links = [link, Read(through, access), Read(below, target)];
        var writers = new Task[random.Next(1, 4)];
        for (var i = 0; i < writers.Length; i++)
        {
            var writer = new GuestWriter(scheduler, guest, model, random.Next()) { MayFail = () => !breaksSnapshot };
            writers[i] = writer.RunAsync(random.Next(10, 80));
        }

        List<Task> readers = [ReadAllAsync(through, checksAccess: true), ReadAllAsync(through, checksAccess: true)];
        for (var count = isOverlay ? 6 : 0; count > 0; count--)
            readers.Add(ReadAllAsync(below, checksAccess: false));
        var stalls = StallAsync();
        foreach (var writer in writers)
            await writer;
        isOver = true;
        await stalls;
        foreach (var reader in readers)
            await reader;
        await CloseAsync(links);
    }

    private ValueTask<BlockNode> AddAsync(string options) => GraphOpener.AddAsync(graph, OptionTree.ParseKeyValues(options));

    private NodeLink Read(DiskUser user, BlockNode node) =>
        graph.Attach(user, node, "root", ImagePermissions.ConsistentRead, NodeLink.AllPermissions);

    private async Task<NodeLink> InsertAsync(BlockNode source, BlockNode target, DiskUser guest)
    {
        NodeLink Attach(BlockNode node) =>
            graph.Attach(guest, node, "root", NodeLink.AllPermissions & ~ImagePermissions.Resize, NodeLink.AllPermissions);
        if (!isJob)
        {
            var error = breaksSnapshot ? "break-snapshot" : "break-guest-write";
            filter = (CopyBeforeWriteNode)await AddAsync($"driver=copy-before-write,node-name=f,file=s,target=t,cbw-timeout=1,on-cbw-error={error}");
            return Attach(filter);
        }

        var link = Attach(source);
        using var change = await graph.BeginChangeAsync();
        var request = new BackupRequest(new JobSettings("j"), source, target)
        {
            Sync = BackupSync.None,
            FilterName = "f",
            BreaksSnapshot = breaksSnapshot,
        };
        var job = await BackupJob.CreateAsync(graph, jobs, request);
        job.Start();
        filter = (CopyBeforeWriteNode)graph.Find("f");
        return link;
    }

    // Longer than writers wait; but the job has no timeout, so there it only takes long.
    private async Task StallAsync()
    {
        while (isFaulty && !isOver)
        {
            await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(100)));
            targetDisk.IsStalled = true;
            await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(3000)));
            targetDisk.IsStalled = false;
        }
    }

    private async Task ReadAllAsync(DiskUser user, bool checksAccess)
    {
        while (!isOver)
        {
            await scheduler.DelayAsync(TimeSpan.FromMilliseconds(checksAccess ? random.Next(10) : random.Next(1, 3)));
            var start = random.NextInt64(model.Length);
            var length = (int)Math.Min(random.Next(1, 200_000), model.Length - start);
            if (checksAccess && random.Next(8) == 0)
                await AskStatusAsync(user, start, length);
            else if (checksAccess && !isOverlay && random.Next(12) == 0)
                await ForgetAsync(user, start, length);
            else
                await ReadAsync(user, start, length, checksAccess);
        }
    }

    private async Task ReadAsync(DiskUser user, long start, int length, bool checksAccess)
    {
        using var buffer = buffers.Rent(length);
        var isGone = checksAccess && isForgotten.AsSpan((int)start, length).Contains(true);
        try
        {
            await user.ReadAsync(start, buffer.Memory);
        }
        catch (BlockException e) when (e.ErrorNumber == Errno.EACCES && checksAccess)
        {
            Assert.True(filter.Broken != null || MayBeForgotten(start, length), "A part of the snapshot cannot be read.");
            return;
        }

        Assert.False(isGone, "What was discarded before can be read.");
        if (filter.Broken != null && !checksAccess)
            return;
        var at = instant.FirstDifference(start, buffer.Span);
        Assert.True(at < 0, $"{user.Description}: byte {at} is not what it was at the instant");
    }

    private async Task AskStatusAsync(DiskUser user, long start, int length)
    {
        var status = default(BlockStatus);
        try
        {
            await user.RunAsync(async n => status = await n.GetStatusAsync(start, length));
        }
        catch (BlockException e) when (e.ErrorNumber == Errno.EACCES)
        {
            Assert.True(filter.Broken != null || MayBeForgotten(start, length), "A part of the snapshot has no status.");
            return;
        }

        Assert.InRange(status.Length, 1, length);
        if (status.IsZero)
            Assert.True(instant.Holds(start, new byte[status.Length]), $"There were no zeroes at {start}");
    }

    private async Task ForgetAsync(DiskUser user, long start, int length)
    {
        long cluster = filter.Copy.ClusterLength;
        var first = (start + cluster - 1) & -cluster;
        var end = start + length == model.Length ? model.Length : (start + length) & -cluster;
        if (first < end)
            mayBeForgotten.AsSpan((int)first, (int)(end - first)).Fill(true);
        await user.DiscardAsync(start, length);
        if (first < end)
            isForgotten.AsSpan((int)first, (int)(end - first)).Fill(true);
    }

    private bool MayBeForgotten(long start, int length) => mayBeForgotten.AsSpan((int)start, length).Contains(true);

    private async Task CloseAsync(NodeLink[] links)
    {
        foreach (var link in links.Skip(1))
            graph.Detach(link);
        await GraphOpener.DeleteAsync(graph, "a");
        await jobs.CancelAllAsync();
        graph.Detach(links[0]);
        if (!isJob)
            await GraphOpener.DeleteAsync(graph, "f");
        await GraphOpener.DeleteAsync(graph, "t");
        await GraphOpener.DeleteAsync(graph, "s");
        Assert.Empty(graph.Nodes);
    }
}
