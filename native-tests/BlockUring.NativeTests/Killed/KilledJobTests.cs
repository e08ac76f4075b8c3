using BlockUring.NativeTests.Daemon;
using Xunit;

namespace BlockUring.NativeTests.Killed;

/// <summary>
/// The daemon is killed while a job runs and a guest writes, at another moment each time; BLOCKURING_KILLS says how often.
/// </summary>
public sealed class KilledJobTests : IDisposable
{
    /// <summary>The guest's disk, in bytes.</summary>
    public const int DiskLength = 16 << 20;

    private static readonly int Count = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_KILLS") ?? "3", null);
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(1);

    private readonly string template = Directory.CreateTempSubdirectory("blockuring-killed").FullName;
    private byte[] content = [];

    public KilledJobTests()
    {
        if ((DaemonUnderTest.WhyMissing(Side.Peer) ?? DaemonUnderTest.WhyMissing(Side.Ours)) is { } reason)
            Assert.Skip(reason);
        MakeImages();
    }

    [Fact]
    public void Backup() => Kill(
        "blockdev-backup",
        """{"job-id":"j","device":"active","target":"t","sync":"full","speed":16777216}""",
        (run, _) => run.CheckDisk("active.qcow2"));

    [Fact]
    public void Stream() => Kill(
        "block-stream",
        """{"job-id":"j","device":"active","speed":16777216}""",
        (run, _) => run.CheckDisk("active.qcow2"));

    [Fact]
    public void StreamInTheMiddle() => Kill(
        "block-stream",
        """{"job-id":"j","device":"upper","base-node":"base","speed":16777216}""",
        (run, _) => run.CheckDisk("active.qcow2"));

    [Theory]
    [InlineData("background")]
    [InlineData("write-blocking")]
    public void Mirror(string mode) => Kill(
        "blockdev-mirror",
        $$"""{"job-id":"j","device":"active","target":"t","sync":"full","copy-mode":"{{mode}}","filter-node-name":"f","speed":33554432}""",
        (run, hasEnded) => run.CheckDisk(Disks(hasEnded, "t.qcow2")),
        "t");

    [Fact]
    public void Commit() => Kill(
        "block-commit",
        """{"job-id":"j","device":"active","top-node":"upper","base-node":"mid","speed":8388608}""",
        (run, _) => run.CheckDisk("active.qcow2"),
        "active",
        "active");

    [Fact]
    public void ActiveCommit() => Kill(
        "block-commit",
        """{"job-id":"j","device":"active","base-node":"upper","filter-node-name":"f","speed":16777216}""",
        (run, hasEnded) => run.CheckDisk(Disks(hasEnded, "upper.qcow2")),
        "upper");

    // The overlays of the base show what they did, whenever it happens.
    [Theory]
    [InlineData("upper")]
    [InlineData("active")]
    public void SafeCommit(string top)
    {
        var (mid, sibling) = (KilledDaemon.ContentOf(template, "mid.qcow2"), KilledDaemon.ContentOf(template, "sibling.qcow2"));
        Kill(
            "block-commit",
            $$"""{"job-id":"j","device":"active","top-node":"{{top}}","base-node":"base","safe":true,"filter-node-name":"f","speed":16777216}""",
            (run, _) =>
            {
                run.CheckDisk("active.qcow2");
                run.CheckUnchanged("mid.qcow2", mid);
                run.CheckUnchanged("sibling.qcow2", sibling);
            },
            "active",
            top == "active" ? "f" : "active");
    }

    public void Dispose() => Directory.Delete(template, recursive: true);

    private static string Image(string name, string backing) =>
        $$"""{"driver":"qcow2","node-name":"{{name}}","file":{"driver":"file","filename":"{{name}}.qcow2"},"backing":{{backing}}}""";

    // Which image is the disk: one of both, where it is not known whether the job had put its target there.
    private static string[] Disks(bool? hasEnded, string target) => hasEnded switch
    {
        true => [target],
        false => ["active.qcow2"],
        null => ["active.qcow2", target],
    };

    private void Kill(string command, string arguments, Action<KilledDaemon, bool?> check, string? after = null, string? guest = null)
    {
        // Why not a guest's node above the disk where the job replaces the disk: QEMU demands that nothing but the job's own filter is there.
        List<string> nodes =
        [
            """{"driver":"raw","node-name":"base","file":{"driver":"file","filename":"base.raw"}}""",
            Image("mid", "\"base\""),
            Image("upper", "\"mid\""),
            Image("active", "\"upper\""),
            Image("sibling", "\"base\""),
            Image("t", "null"),
        ];
        if (after == null)
            nodes.Add("""{"driver":"raw","node-name":"guest","file":"active"}""");
        guest ??= after == null ? "guest" : "f";
        for (var seed = 0; seed < Count; seed++)
        {
            using var run = new KilledDaemon(template, content, seed, nodes);
            var hasEnded = run.Run(command, arguments, Within, guest, after);
            run.CheckImages();
            check(run, hasEnded);
        }
    }

    // Every layer holds some of its own, with clusters of different sizes.
    private void MakeImages()
    {
        var (exitCode, printed) = KilledDaemon.Run(template, $"""
            set -e
            qemu-img create -q -f raw base.raw {DiskLength} && qemu-io -f raw -c 'write -q -P 1 0 12M' base.raw
            qemu-img create -q -f qcow2 -b base.raw -F raw mid.qcow2
            qemu-io -c 'write -q -P 2 1M 3M' -c 'write -q -z 6M 1M' -c 'write -q -P 2 9M 100k' mid.qcow2
            qemu-img create -q -f qcow2 -o cluster_size=4k -b mid.qcow2 -F qcow2 upper.qcow2
            qemu-io -c 'write -q -P 3 2M 3M' -c 'write -q -P 3 6500k 4k' -c 'write -q -z 10M 64k' upper.qcow2
            qemu-img create -q -f qcow2 -o cluster_size=16k -b upper.qcow2 -F qcow2 active.qcow2
            qemu-io -c 'write -q -P 4 3M 3M' -c 'write -q -P 4 13M 200k' active.qcow2
            qemu-img create -q -f qcow2 -o cluster_size=32k -b base.raw -F raw sibling.qcow2
            qemu-io -c 'write -q -P 5 5M 300k' sibling.qcow2
            qemu-img create -q -f qcow2 t.qcow2 {DiskLength}
            """);
        Assert.True(exitCode == 0, printed);
        content = KilledDaemon.ContentOf(template, "active.qcow2");
    }
}
