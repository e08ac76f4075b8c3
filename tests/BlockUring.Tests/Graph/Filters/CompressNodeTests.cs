using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Images;
using Xunit;

namespace BlockUring.Tests.Graph.Filters;

public sealed class CompressNodeTests : IDisposable
{
    private const int Cluster = 65536;

    private readonly GraphWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public void WholeClustersAreCompressedAndPartsMakeThemWhole()
    {
        var (top, node) = Make("");
        Write(node, 0, 2 * Cluster, 1);
        Write(node, (3 * Cluster) - 100, 300, 2);
        Assert.Equal("CCCC.", Map(top));
        world.Expect(node, (3 * Cluster) - 100, 300, 2);
        world.Expect(node, 2 * Cluster, Cluster - 100, 0);

        // Again, over what is there.
        Write(node, Cluster / 2, Cluster, 3);
        world.Expect(node, 0, Cluster / 2, 1);
        world.Expect(node, Cluster / 2, Cluster, 3);
        Assert.Equal("CCCC.", Map(top));
    }

    [Fact]
    public void WhatDoesNotBecomeShorterIsStoredAsItIs()
    {
        var (top, node) = Make("");
        using var buffer = node.Buffers.Rent(Cluster);
        new Random(1).NextBytes(buffer.Span[..Cluster]);
        Finish(node.WriteAsync(0, buffer.Memory.Slice(0, Cluster)));
        Assert.Equal("D", Map(top)[..1]);
        Assert.Equal(buffer.Span[..Cluster].ToArray(), world.Read(node, 0, Cluster));
    }

    [Fact]
    public void ZeroesStayZeroes()
    {
        var (top, node) = Make("backing_file=base,backing_fmt=qcow2", "base");
        Finish(node.WriteZeroesAsync(0, Cluster));
        Write(node, Cluster, Cluster, 0);
        Finish(node.WriteZeroesAsync((2 * Cluster) + 512, 512));
        Assert.Equal("ZZC", Map(top)[..3]);
        world.Expect(node, 0, 2 * Cluster, 0);
        world.Expect(node, 2 * Cluster, 512, 9);
        world.Expect(node, (2 * Cluster) + 512, 512, 0);
        world.Expect(node, (2 * Cluster) + 1024, Cluster - 1024, 9);
    }

    [Fact]
    public void WhatIsThereAlreadyStays()
    {
        var (top, node) = Make("backing_file=base,backing_fmt=qcow2", "base");
        Write(node, 0, Cluster, 1);
        Finish(world.WriteAsync(node, 0, 2 * Cluster, 9, WriteFlags.Unchanged));
        world.Expect(node, 0, Cluster, 1);
        world.Expect(node, Cluster, Cluster, 9);
        Assert.Equal("CC.", Map(top)[..3]);
    }

    [Theory]
    [InlineData("raw", "{'driver':'raw','node-name':'r','file':{'driver':'file','filename':'raw'}}", "r")]
    [InlineData("file", "{'driver':'file','node-name':'f','filename':'raw'}", "f")]
    public void OnlyFormatsWithCompressedClustersWillDo(string driver, string json, string name)
    {
        world.MakeRaw("raw");
        world.Add(json);
        Assert.Equal(
            $"Compression is not supported for underlying format: {driver}",
            world.AddFails($"{{'driver':'compress','node-name':'c','file':'{name}'}}"));
    }

    [Theory]
    [InlineData(1, "", 1 << 20)]
    [InlineData(2, "cluster_size=512", (1 << 17) + 512)]
    [InlineData(3, "cluster_size=2M", (5 << 20) + 1536)]
    [InlineData(4, "", 1_000_448)]
    [InlineData(5, "cluster_size=16k,extended_l2=on", 1_000_448)]
    [InlineData(6, "compression_type=zstd", 500_000)]
    public void EveryByteIsWhereItWasWritten(int seed, string options, int length)
    {
        var random = new Random(seed);
        var (top, node) = Make(options, null, length);
        var expected = new byte[length];
        var pending = new List<(Task Task, int Offset, int End)>();
        for (var step = 0; step < 150; step++)
        {
            var offset = random.Next(length);
            var count = Math.Min(length - offset, random.Next(4) == 0 ? random.Next(1, 300_000) : random.Next(1, 5000));
            world.Host["top"].IsHeld = random.Next(3) == 0;
            if (pending.Any(p => !p.Task.IsCompleted && p.Offset < offset + count && offset < p.End))
                Settle(pending);
            var value = (byte)random.Next(4);
            expected.AsSpan(offset, count).Fill(value);
            var isZeroing = value == 0 && random.Next(2) == 0;
            var write = isZeroing ? node.WriteZeroesAsync(offset, count) : world.WriteAsync(node, offset, count, value);
            pending.Add((write.AsTask(), offset, offset + count));
            if (random.Next(5) == 0)
                Settle(pending);
        }

        Settle(pending);
        Finish(node.FlushAsync());
        for (var at = 0; at < length; at += 100_000)
            Assert.Equal(expected[at..Math.Min(at + 100_000, length)], world.Read(top, at, Math.Min(100_000, length - at)));
    }

    private void Settle(List<(Task Task, int Offset, int End)> pending)
    {
        foreach (var (task, _, _) in pending)
            Finish(new ValueTask(task));
        pending.Clear();
    }

    private (BlockNode Top, CompressNode Node) Make(string options, string? backing = null, long length = 1 << 20)
    {
        if (backing != null)
        {
            world.MakeQcow2(backing);
            var below = world.Add($"{{'driver':'qcow2','node-name':'fill','file':{{'driver':'file','filename':'{backing}'}}}}");
            world.Write(below, 0, 1 << 20, 9);
            world.Delete("fill");
        }

        world.MakeQcow2("top", options, length);
        var top = world.Add("{'driver':'qcow2','node-name':'top','file':{'driver':'file','filename':'top'}}");
        return (top, (CompressNode)world.Add("{'driver':'compress','node-name':'c','file':'top'}"));
    }

    private void Write(GuestDisk disk, long offset, int length, byte value) => Finish(world.WriteAsync(disk, offset, length, value));

    // Compression is posted to the thread, and files answer when they are let.
    private void Finish(ValueTask pending)
    {
        var task = pending.AsTask();
        for (var i = 0; i < 10_000 && !task.IsCompleted; i++)
        {
            world.Host["top"].Release();
            world.Scheduler.Advance(TimeSpan.Zero);
        }

        GraphWorld.Done(new ValueTask(task));
    }

    // A letter for each of the first clusters: Compressed, Data, Zero, or nothing.
    private static string Map(GuestDisk disk)
    {
        var letters = new List<char>();
        for (long offset = 0; offset < 5 * Cluster; offset += Cluster)
        {
            var status = GraphWorld.Done(disk.GetLayerStatusAsync(offset, Cluster, false));
            letters.Add(!status.IsAllocated ? '.' : status.IsCompressed ? 'C' : status.IsZero ? 'Z' : 'D');
        }

        return string.Concat(letters);
    }
}
