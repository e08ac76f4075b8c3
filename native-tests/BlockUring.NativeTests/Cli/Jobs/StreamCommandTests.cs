using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Cli.Jobs;

/// <summary>`blockuring stream` on chains that QEMU's tools make, and judge afterwards.</summary>
public sealed class StreamCommandTests : IDisposable
{
    private static readonly int[] ClusterLengths = [512, 1024, 4096, 65536, 1 << 20, 2 << 20];

    private readonly TempFolder folder = new();

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 24)];

    public void Dispose() => folder.Dispose();

    [Theory, MemberData(nameof(Seeds))]
    public void TheDiskIsTheSameWithoutTheLayersThatWereTaken(int seed)
    {
        var random = new Random(seed);
        var chain = new List<string>();
        for (var count = random.Next(2, 6); count > 0; count--)
            Make(chain, random);
        var top = chain[^1];
        Peer("qemu-img", "convert", "-O", "raw", top, "before.raw");
        var keeps = random.Next(chain.Count);
        string[] arguments = keeps == 0 ? [] : ["--base", chain[keeps - 1]];
        var (exitCode, output, error) = Program.Run(folder.Path, ["stream", top, .. arguments]);
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Matches(@"^[0-9.]+ [KMB]?i?B? ?streamed in [0-9.]+ s, .*/s\n$", output);
        foreach (var taken in chain[keeps..^1])
            File.Delete(folder[taken]);
        Peer("qemu-img", "compare", "-f", "raw", "-F", "qcow2", "before.raw", top);
        Peer("qemu-img", "check", "-q", top);
        var info = Program.RunPeer(folder.Path, "qemu-img", "info", top).Output;
        if (keeps == 0)
            Assert.DoesNotContain("backing file", info, StringComparison.Ordinal);
        else
            Assert.Contains($"backing file: {chain[keeps - 1]}", info, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatCannotBeIsSaid()
    {
        Peer("qemu-img", "create", "-q", "-f", "qcow2", "base.qcow2", "1M");
        Peer("qemu-img", "create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", "top.qcow2");
        Assert.Equal(
            (1, "", "blockuring: 'gone' is not in the backing chain of 'top.qcow2'\n"),
            Program.Run(folder.Path, "stream", "top.qcow2", "--base", "gone"));
        Assert.Equal(
            (1, "", "blockuring: backing file specified, but streaming the entire chain\n"),
            Program.Run(folder.Path, "stream", "top.qcow2", "--backing-file", "x"));
        Assert.Equal(1, Program.Run(folder.Path, "stream", "gone.qcow2").ExitCode);
        Assert.Contains("backing file: base.qcow2", Program.RunPeer(folder.Path, "qemu-img", "info", "top.qcow2").Output, StringComparison.Ordinal);
    }

    // An image on the last one: of either version, any cluster size and length; data, zeroes and compressed clusters here and there.
    private void Make(List<string> chain, Random random)
    {
        var (name, below) = ($"l{chain.Count}", chain.LastOrDefault());
        var length = random.Next(1, 12_000) * 512L;
        if (below == null && random.Next(2) == 0)
        {
            Peer("qemu-img", "create", "-q", "-f", "raw", name, $"{length - random.Next(512)}");
            chain.Add(name);
            Write(name, "raw", length - 512, 512, random);
            return;
        }

        var cluster = ClusterLengths[random.Next(ClusterLengths.Length)];
        var options = $"cluster_size={cluster},compat={(random.Next(3) == 0 ? "0.10" : "1.1")}";
        string[] backing = below == null ? [] : ["-b", below, "-F", FormatOf(chain)];
        Peer("qemu-img", ["create", "-q", "-f", "qcow2", "-o", options, .. backing, name, $"{length}"]);
        chain.Add(name);
        Write(name, "qcow2", length, cluster, random);
    }

    private string FormatOf(List<string> chain) =>
        chain.Count == 1 && Program.RunPeer(folder.Path, "qemu-img", "info", chain[0]).Output.Contains("file format: raw", StringComparison.Ordinal)
            ? "raw"
            : "qcow2";

    private void Write(string name, string format, long length, int cluster, Random random)
    {
        List<string> commands = [];
        for (var count = random.Next(1, 8); count > 0; count--)
        {
            var start = random.NextInt64(Math.Max(1, length / 512)) * 512;
            var size = Math.Min(length - start, random.Next(1, 1500) * 512L);
            var whole = start & -cluster;
            if (size <= 0)
                continue;
            if (format == "qcow2" && random.Next(4) == 0 && whole + cluster <= length)
                commands.AddRange(["-c", $"write -c -P {random.Next(1, 255)} {whole} {cluster}"]);
            else
                commands.AddRange(["-c", random.Next(4) == 0 ? $"write -z {start} {size}" : $"write -P {random.Next(255)} {start} {size}"]);
        }

        // Not all succeed: qemu-io compresses only what was not written before.
        if (commands.Count > 0)
            Program.RunPeer(folder.Path, ["qemu-io", "-f", format, .. commands, name]);
    }

    private void Peer(string program, params string[] arguments)
    {
        var (exitCode, output, error) = Program.RunPeer(folder.Path, [program, .. arguments]);
        Assert.True(exitCode == 0, $"{program} {string.Join(' ', arguments)}: {output}{error}");
    }
}
