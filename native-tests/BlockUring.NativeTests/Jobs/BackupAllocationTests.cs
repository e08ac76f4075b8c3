using System.Diagnostics;
using System.Reflection;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Jobs.Backup;
using BlockUring.Native.Uring;
using BlockUring.NativeTests.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Jobs;

/// <summary>A backup allocates for its start and its end; how much it copies in between must not show. Nor do the requests of a guest.</summary>
public sealed class BackupAllocationTests(ITestOutputHelper output)
{
    private const int SmallLength = 64 << 20;
    private const int LargeLength = 256 << 20;
    private const int ChunkLength = 1 << 20;
    private const int RequestCount = 2000;

    // What a chunk may cost: now and then a list or a table grows.
    private const int MaxBytesPerChunk = 64;

    [Theory]
    [InlineData("raw", 1 << 20)]
    [InlineData("raw", 1 << 16)]
    [InlineData("qcow2", 1 << 20)]
    public void A_longer_backup_allocates_no_more(string format, int runLength)
    {
        SkipUnlessOptimised();
        using var place = HostPlace.Make("tmpfs", "size=700m");
        var (small, large) = IoThread.Run(new IoThreadOptions(), async thread =>
        {
            await MeasureAsync(thread, place.Path, format, LargeLength, runLength);
            var first = await MeasureAsync(thread, place.Path, format, SmallLength, runLength);
            return (first, await MeasureAsync(thread, place.Path, format, LargeLength, runLength));
        });
        output.WriteLine($"{SmallLength >> 20} MiB: {small} bytes, {LargeLength >> 20} MiB: {large} bytes");
        Assert.InRange(large - small, long.MinValue, (LargeLength - SmallLength) / ChunkLength * MaxBytesPerChunk);
    }

    [Fact]
    public void A_users_requests_allocate_nothing()
    {
        SkipUnlessOptimised();
        using var place = HostPlace.Make("tmpfs", "size=64m");
        var allocated = IoThread.Run(new IoThreadOptions(), async thread =>
        {
            var graph = new BlockGraph(thread, new LinuxFileHost(thread));
            await FillAsync(graph.Host, place.Path, 1 << 20, 1 << 20);
            var node = await AddAsync(graph, "n", "raw", place.Path);
            var guest = new DiskUser("a guest");
            var link = graph.Attach(guest, node, "root", NodeLink.AllPermissions & ~ImagePermissions.Resize, NodeLink.AllPermissions);
            long bytes;
            using (var buffer = thread.Buffers.Rent(65536))
            {
                await RequestAsync(guest, buffer.Memory);
                var before = GC.GetAllocatedBytesForCurrentThread();
                await RequestAsync(guest, buffer.Memory);
                bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            }

            graph.Detach(link);
            await GraphOpener.DeleteAsync(graph, "n");
            return bytes;
        });
        Assert.InRange(allocated, 0, RequestCount);
    }

    private static async ValueTask RequestAsync(DiskUser guest, Native.Memory.IoMemory memory)
    {
        for (var i = 0; i < RequestCount; i++)
        {
            await guest.WriteAsync(0, memory);
            await guest.ReadAsync(0, memory);
        }
    }

    private static void SkipUnlessOptimised()
    {
        var build = typeof(BackupJob).Assembly.GetCustomAttribute<DebuggableAttribute>();
        Assert.SkipWhen(build is { IsJITOptimizerDisabled: true }, "in a build without optimisation every call of an async method allocates");
    }

    private static async ValueTask<long> MeasureAsync(IoThread thread, string path, string format, long length, int runLength)
    {
        var graph = new BlockGraph(thread, new LinuxFileHost(thread));
        var (source, target) = (path + ".source", path + ".target");
        foreach (var made in (string[])[source, target])
            await ImageFormats.Find(format)!.CreateAsync(graph.Host, new CreateRequest(made, length, new Dictionary<string, string>()));
        var sourceNode = await AddAsync(graph, "s", format, source);
        var targetNode = await AddAsync(graph, "t", format, target);
        using (var buffer = thread.Buffers.Rent(runLength))
        {
            new Random(1).NextBytes(buffer.Span);
            for (long offset = 0; offset < length; offset += 2L * runLength)
                await sourceNode.WriteAsync(offset, buffer.Memory);
            await sourceNode.FlushAsync();
        }

        // Why opened again: what a node has written itself it asks the kernel about each time.
        await GraphOpener.DeleteAsync(graph, "s");
        sourceNode = await AddAsync(graph, "s", format, source);
        var jobs = new JobList(_ => { });
        var job = await BackupJob.CreateAsync(graph, jobs, new BackupRequest(new JobSettings("j"), sourceNode, targetNode));
        var before = GC.GetAllocatedBytesForCurrentThread();
        job.Start();
        while (jobs.All.Count > 0)
            await thread.DelayAsync(TimeSpan.FromMilliseconds(20));
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        await GraphOpener.DeleteAsync(graph, "s");
        await GraphOpener.DeleteAsync(graph, "t");
        return allocated;
    }

    private static async ValueTask FillAsync(FileHost host, string path, long length, int runLength)
    {
        await using var file = await host.CreateAsync(path, length, PreallocationMode.Off, new FileOpenOptions(false));
        using var buffer = file.Buffers.Rent(runLength);
        await file.WriteAsync(0, buffer.Memory);
    }

    private static ValueTask<BlockNode> AddAsync(BlockGraph graph, string name, string format, string path) =>
        GraphOpener.AddAsync(graph, OptionTree.ParseKeyValues($"driver={format},node-name={name},file.driver=file,file.filename={path}"));
}
