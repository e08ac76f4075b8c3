using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Jobs.Mirror;
using BlockUring.Native.Uring;
using BlockUring.NativeTests.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Jobs;

/// <summary>Mirrors of real images while a guest writes, judged by qemu-img.</summary>
public sealed class MirrorTests
{
    private const long Length = 20 << 20;

    [Theory]
    [InlineData("raw", "raw", MirrorCopyMode.Background)]
    [InlineData("raw", "qcow2", MirrorCopyMode.WriteBlocking)]
    [InlineData("qcow2", "qcow2", MirrorCopyMode.Auto)]
    [InlineData("qcow2", "raw", MirrorCopyMode.WriteBlocking)]
    public void The_disk_and_its_mirror_are_identical_at_the_pivot(string sourceFormat, string targetFormat, MirrorCopyMode mode)
    {
        Tool.Demand("qemu-img");
        Tool.Demand("qemu-io");
        using var folder = new TempFolder();
        var (source, target) = (folder["source"], folder["target"]);
        Tool.Run("qemu-img", "create", "-q", "-f", sourceFormat, source, "20M");
        foreach (var command in (string[])["write -P 1 0 3M", "write -P 2 5000k 777k", "write -z 1M 64k", "write -P 3 20479k 1k"])
            Tool.Run("qemu-io", "-f", sourceFormat, "-c", command, source);
        Tool.Run("qemu-img", "create", "-q", "-f", targetFormat, target, "20M");

        IoThread.Run(new IoThreadOptions(), async thread =>
        {
            var graph = new BlockGraph(thread, new LinuxFileHost(thread));
            var told = new List<JobEvent>();
            var jobs = new JobList(told.Add);
            var sourceNode = await AddAsync(graph, "s", sourceFormat, source);
            var targetNode = await AddAsync(graph, "t", targetFormat, target);
            var guest = new DiskUser("a guest");
            var guestLink = graph.Attach(guest, sourceNode, "root", NodeLink.AllPermissions & ~ImagePermissions.Resize, NodeLink.AllPermissions);
            var job = await MirrorJob.CreateAsync(graph, jobs, new MirrorRequest(new JobSettings("j"), sourceNode, targetNode) { CopyMode = mode });
            job.Start();
            await ScribbleAsync(guest, thread, 7);
            while (!job.IsReady)
                await thread.DelayAsync(TimeSpan.FromMilliseconds(1));
            await ScribbleAsync(guest, thread, 8);
            await job.CompleteAsync();
            while (jobs.All.Count > 0)
                await thread.DelayAsync(TimeSpan.FromMilliseconds(1));
            Assert.Null(Assert.IsType<JobEvent.Completed>(told.Single(e => e is JobEvent.Completed)).Error);
            Assert.Same(targetNode, guestLink.Node);
            graph.Detach(guestLink);
            await GraphOpener.DeleteAsync(graph, "s");
            await GraphOpener.DeleteAsync(graph, "t");
            Assert.Empty(graph.Nodes);
            return 0;
        });

        Tool.Run("qemu-img", "compare", "-f", sourceFormat, "-F", targetFormat, source, target);
        foreach (var (format, path) in ((string, string)[])[(sourceFormat, source), (targetFormat, target)])
        {
            if (format == "qcow2")
                Tool.Run("qemu-img", "check", "-q", path);
        }
    }

    private static ValueTask<BlockNode> AddAsync(BlockGraph graph, string name, string format, string path) =>
        GraphOpener.AddAsync(
            graph, OptionTree.ParseKeyValues($"driver={format},node-name={name},discard=unmap,file.driver=file,file.discard=unmap,file.filename={path}"));

    private static async ValueTask ScribbleAsync(DiskUser guest, IoThread thread, byte value)
    {
        using var buffer = thread.Buffers.Rent(256 << 10);
        buffer.Span.Fill(value);
        for (var offset = value * 1000L; offset < Length - 300_000; offset += 1_300_000)
        {
            await guest.WriteAsync(offset, buffer.Memory.Slice(0, 100_001));
            await guest.WriteZeroesAsync(offset + 50_000, 3333, WriteFlags.MayUnmap);
            await guest.DiscardAsync((offset + 131_072) & -65536, 65536);
        }
    }
}
