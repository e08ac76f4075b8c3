using System.Diagnostics;
using BlockUring.NativeTests.Daemon;
using Xunit;

namespace BlockUring.NativeTests.Killed;

/// <summary>
/// Whoever writes to an image is killed in the middle, at another moment each time, and qemu-img judges what is left; BLOCKURING_KILLS says how often, for
/// each kind of image.
/// </summary>
public sealed class KilledWriterTests : IDisposable
{
    private const byte Pattern = 7;
    private const int Sector = 512;

    private static readonly int Count = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_KILLS") ?? "1", null);

    private readonly string template = Directory.CreateTempSubdirectory("blockuring-killed").FullName;

    public KilledWriterTests()
    {
        if ((DaemonUnderTest.WhyMissing(Side.Peer) ?? DaemonUnderTest.WhyMissing(Side.Ours)) is { } reason)
            Assert.Skip(reason);
    }

    public static TheoryData<string> Kinds { get; } =
    [
        "cluster_size=512",
        "cluster_size=4k,refcount_bits=1",
        "cluster_size=64k,refcount_bits=64",
        "cluster_size=16k,extended_l2=on",
        "cluster_size=4k,compat=0.10",
        "cluster_size=8k,backing_file=base.qcow2,backing_fmt=qcow2",
    ];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_guest_of_the_daemon(string options)
    {
        var content = Make(options);
        for (var seed = 0; seed < Count; seed++)
        {
            using var run = new KilledDaemon(template, content, seed,
            [
                """{"driver":"qcow2","node-name":"disk","discard":"unmap","file":{"driver":"file","filename":"disk.qcow2","discard":"unmap"}}""",
            ]);
            run.RunAlone(TimeSpan.FromSeconds(0.7), "disk");
            run.CheckImages();
            run.CheckDisk("disk.qcow2");
        }
    }

    // Many in flight, and no word of what was flushed: every sector holds what it did or what is written.
    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_benchmark_with_many_requests_in_flight(string options)
    {
        var content = Make(options);
        var path = Path.Combine(template, "disk.qcow2");
        var sound = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        for (var seed = 0; seed < Count; seed++)
        {
            await File.WriteAllBytesAsync(path, sound, TestContext.Current.CancellationToken);
            var random = new Random(seed);
            using (var process = Img.Program.StartImg(
                "bench", "-w", "-f", "qcow2", "-c", "100000000", "-d", "64", "-s", "4096", "-S", $"{4096 * random.Next(1, 9)}", "--pattern", $"{Pattern}",
                "--flush-interval", $"{random.Next(64, 512)}", path))
            {
                await WaitForGrowthAsync(process, path, sound.Length);
                await Task.Delay(random.Next(200), TestContext.Current.CancellationToken);
                process.Kill();
                await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            }

            var (exitCode, printed) = await CheckAsync();
            Assert.True(exitCode is 0 or 3, $"seed {seed}: {printed}");
            AssertSectors(content, KilledDaemon.ContentOf(template, "disk.qcow2"), seed);
        }
    }

    public void Dispose() => Directory.Delete(template, recursive: true);

    // A ring lets go of its files, and of their locks, some time after its process has ended.
    private async Task<(int ExitCode, string Printed)> CheckAsync()
    {
        for (var watch = Stopwatch.StartNew(); ; await Task.Delay(20))
        {
            var (exitCode, printed) = KilledDaemon.Run(template, "qemu-img check -f qcow2 disk.qcow2 2>&1");
            if (!printed.Contains("Failed to get", StringComparison.Ordinal) || watch.Elapsed.TotalSeconds > 30)
                return (exitCode, printed);
        }
    }

    private static async Task WaitForGrowthAsync(Process process, string path, long length)
    {
        for (var watch = Stopwatch.StartNew(); new FileInfo(path).Length == length && watch.Elapsed.TotalSeconds < 30; await Task.Delay(2))
            Assert.False(process.HasExited, process.HasExited ? process.StandardError.ReadToEnd() : "");
    }

    private static void AssertSectors(byte[] before, byte[] actual, int seed)
    {
        Assert.Equal(before.Length, actual.Length);
        for (var at = 0; at < actual.Length; at += Sector)
        {
            var found = actual.AsSpan(at, Sector);
            if (found.ContainsAnyExcept(Pattern) && !found.SequenceEqual(before.AsSpan(at, Sector)))
                Assert.Fail($"seed {seed}: the sector at {at} holds {found[0]}, {found[^1]} instead of {before[at]} or {Pattern}");
        }
    }

    // Its start is filled, with some of it compressed.
    private byte[] Make(string options)
    {
        var (exitCode, printed) = KilledDaemon.Run(template, $"""
            set -e
            rm -f *
            qemu-img create -q -f qcow2 base.qcow2 {KilledJobTests.DiskLength} && qemu-io -c 'write -q -P 1 0 6M' base.qcow2
            qemu-img create -q -f qcow2 -o {options} disk.qcow2 {KilledJobTests.DiskLength}
            qemu-io -c 'write -q -c -P 2 1M 512k' -c 'write -q -P 3 2M 1M' -c 'write -q -z 5M 1M' disk.qcow2
            """);
        Assert.True(exitCode == 0, printed);
        return KilledDaemon.ContentOf(template, "disk.qcow2");
    }
}
