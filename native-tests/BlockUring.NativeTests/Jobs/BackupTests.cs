using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Jobs.Backup;
using BlockUring.Native.Uring;
using BlockUring.NativeTests.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Jobs;

/// <summary>Backups of real images while a guest writes, judged by qemu-img.</summary>
public sealed class BackupTests
{
    [Theory]
    [InlineData("raw", "raw")]
    [InlineData("raw", "qcow2")]
    [InlineData("qcow2", "qcow2")]
    [InlineData("qcow2", "raw")]
    public void A_backup_holds_what_the_disk_held_when_it_started(string sourceFormat, string targetFormat)
    {
        Tool.Demand("qemu-img");
        Tool.Demand("qemu-io");
        using var folder = new TempFolder();
        var (source, before, target) = (folder["source"], folder["before"], folder["target"]);
        Tool.Run("qemu-img", "create", "-q", "-f", sourceFormat, source, "20M");
        foreach (var command in (string[])["write -P 1 0 3M", "write -P 2 5000k 777k", "write -z 1M 64k", "write -P 3 20479k 1k"])
            Tool.Run("qemu-io", "-f", sourceFormat, "-c", command, source);
        File.Copy(source, before);
        Tool.Run("qemu-img", "create", "-q", "-f", targetFormat, target, "20M");

        IoThread.Run(new IoThreadOptions(), async thread =>
        {
            var graph = new BlockGraph(thread, new LinuxFileHost(thread));
            var ended = new List<JobEvent>();
            var jobs = new JobList(ended.Add);
            var sourceNode = await AddAsync(graph, "s", sourceFormat, source);
            var targetNode = await AddAsync(graph, "t", targetFormat, target);
            var guest = new DiskUser("a guest");
            var guestLink = graph.Attach(guest, sourceNode, "root", NodeLink.AllPermissions & ~ImagePermissions.Resize, NodeLink.AllPermissions);
            var job = await BackupJob.CreateAsync(graph, jobs, new BackupRequest(new JobSettings("j"), sourceNode, targetNode));
            job.Start();
            await OverwriteAsync(guest, thread);
            while (jobs.All.Count > 0)
                await thread.DelayAsync(TimeSpan.FromMilliseconds(1));
            Assert.Null(Assert.IsType<JobEvent.Completed>(ended.Single(e => e is JobEvent.Completed)).Error);
            graph.Detach(guestLink);
            await GraphOpener.DeleteAsync(graph, "s");
            await GraphOpener.DeleteAsync(graph, "t");
            Assert.Empty(graph.Nodes);
            return 0;
        });

        Tool.Run("qemu-img", "compare", "-f", sourceFormat, "-F", targetFormat, before, target);
        Assert.Equal(1, Tool.TryRun("qemu-img", "compare", "-f", sourceFormat, "-F", targetFormat, source, target).Code);
        if (targetFormat == "qcow2")
            Tool.Run("qemu-img", "check", "-q", target);
    }

    private static ValueTask<BlockNode> AddAsync(BlockGraph graph, string name, string format, string path) =>
        GraphOpener.AddAsync(graph, OptionTree.ParseKeyValues($"driver={format},node-name={name},file.driver=file,file.filename={path}"));

    private static async ValueTask OverwriteAsync(DiskUser guest, IoThread thread)
    {
        using var buffer = thread.Buffers.Rent(256 << 10);
        buffer.Span.Fill(9);
        for (var offset = 0L; offset < 20 << 20; offset += 1000_000)
            await guest.WriteAsync(offset, buffer.Memory.Slice(0, (int)Math.Min(100_000, (20L << 20) - offset)));
    }
}
