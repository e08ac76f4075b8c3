using BlockUring.Graph;
using Xunit;

namespace BlockUring.Tests.Graph.Filters;

/// <summary>Reads that copy, and writes of all sizes through and past the filter, while the files answer now and then.</summary>
public sealed class CopyOnReadRandomTests
{
    private const int Unit = 512;
    private const int Length = 1 << 20;

    private readonly List<(Task Task, int First, int Count)> writes = [];
    private readonly List<Task> reads = [];
    private readonly byte[] expected = new byte[Length / Unit];

    // Why many short rounds: once the top image holds every cluster nothing is copied any more.
    [Theory]
    [InlineData(1, "")]
    [InlineData(2, "")]
    [InlineData(3, ",extended_l2=on,cluster_size=16k")]
    [InlineData(4, ",extended_l2=on")]
    [InlineData(5, ",cluster_size=4k")]
    public void NoWriteIsLost(int seed, string options)
    {
        for (var round = 0; round < 50; round++)
            RunRound(new Random((seed * 1000) + round), options);
    }

    private void RunRound(Random random, string options)
    {
        using var world = new GraphWorld();
        expected.AsSpan().Clear();
        world.MakeQcow2("base");
        world.MakeQcow2("top", "backing_file=base,backing_fmt=qcow2" + options);
        FillBase(world, random);
        var top = world.Add("{'driver':'qcow2','node-name':'top','discard':'unmap','file':{'driver':'file','filename':'top'}}");
        var node = world.Add("{'driver':'copy-on-read','node-name':'c','file':'top'}");
        for (var step = 0; step < 100; step++)
            Step(world, random, random.Next(4) == 0 ? top : node, node);
        world.Host["base"].Release();
        world.Host["top"].Release();
        Assert.All(reads.Concat(writes.Select(w => w.Task)), t => Assert.True(t.IsCompletedSuccessfully, "a request has failed or hangs"));
        for (var i = 0; i < expected.Length; i++)
            world.Expect(top, (long)i * Unit, Unit, expected[i]);
        reads.Clear();
        writes.Clear();
    }

    private void Step(GraphWorld world, Random random, BlockNode written, BlockNode read)
    {
        var (first, count) = Range(random);
        switch (random.Next(5))
        {
            case 0:
                world.Host["base"].IsHeld = true;
                break;
            case 1:
                world.Host[random.Next(2) == 0 ? "base" : "top"].Release();
                break;
            case 2:
                world.Host["top"].IsHeld = random.Next(2) == 0;
                break;
            case 3 when !writes.Any(w => !w.Task.IsCompleted && w.First < first + count && first < w.First + w.Count):
                var value = (byte)random.Next(3);
                expected.AsSpan(first, count).Fill(value);
                var write = value == 0
                    ? written.WriteZeroesAsync((long)first * Unit, (long)count * Unit)
                    : world.WriteAsync(written, (long)first * Unit, count * Unit, value);
                writes.Add((write.AsTask(), first, count));
                break;
            default:
                reads.Add(world.ReadAsync(read, (long)first * Unit, count * Unit).AsTask());
                break;
        }
    }

    private void FillBase(GraphWorld world, Random random)
    {
        var filled = world.Add("{'driver':'qcow2','node-name':'fill','file':{'driver':'file','filename':'base'}}");
        for (var i = 0; i < 40; i++)
        {
            var (first, count) = Range(random);
            expected.AsSpan(first, count).Fill((byte)(100 + i));
            world.Write(filled, (long)first * Unit, count * Unit, (byte)(100 + i));
        }

        world.Delete("fill");
    }

    private static (int First, int Count) Range(Random random)
    {
        var count = 1 + random.Next(random.Next(4) == 0 ? 300 : 12);
        return (random.Next((Length / Unit) - count), count);
    }
}
