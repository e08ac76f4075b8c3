using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Images;
using Xunit;

namespace BlockUring.Tests.Graph;

/// <summary>What is told of writes: bitmaps, the threshold, zero detection.</summary>
public sealed class WriteObserverTests : IDisposable
{
    private readonly GraphWorld world = new();

    public WriteObserverTests() => world.MakeRaw("a.raw");

    public void Dispose() => world.Dispose();

    [Fact]
    public void BitmapsRecordEveryWayOfWritingAndNothingThatChangesNothing()
    {
        var node = Add("'discard':'unmap'");
        var bitmap = node.Bitmaps.Create("b", node.Length, 65536);
        world.Write(node, 0, 512, 1);
        GraphWorld.Done(node.WriteZeroesAsync(2 * 65536, 65536));
        GraphWorld.Done(node.DiscardAsync(4 * 65536, 65536));
        world.Write(node, 6 * 65536, 512, 1, WriteFlags.Unchanged);
        world.Read(node, 8 * 65536, 65536);
        Assert.Equal([0, 2, 4], Dirty(bitmap));
    }

    [Fact]
    public void AFailedWriteIsRecordedToo()
    {
        var node = Add("'read-only':true");
        var bitmap = node.Bitmaps.Create("b", node.Length, 65536);
        GraphWorld.Fails(world.WriteAsync(node, 65536, 512, 1));
        Assert.Equal([1], Dirty(bitmap));
    }

    [Fact]
    public void TheThresholdFiresOnce()
    {
        var node = Add("'detect-zeroes':'off'");
        var told = new List<(string, long, long)>();
        node.Observers.ThresholdExceeded = (n, beyond, threshold) => told.Add((n.Name, beyond, threshold));
        node.Observers.Threshold = 65536;
        world.Write(node, 0, 65536, 1);
        Assert.Empty(told);
        world.Write(node, 65536, 512, 1);
        world.Write(node, 131072, 512, 1);
        Assert.Equal([("a", 512L, 65536L)], told);
        Assert.Equal(0, node.Observers.Threshold);
    }

    [Fact]
    public void AFileBelowAFormatIsWatchedToo()
    {
        world.MakeQcow2("q.qcow2");
        var image = world.Add("{'driver':'qcow2','node-name':'q','file':{'driver':'file','node-name':'f','filename':'q.qcow2'}}");
        var file = world.Graph.Find("f");
        var bitmap = file.Bitmaps.Create("b", file.Length, 65536);
        var before = file.Length;
        var told = 0;
        file.Observers.ThresholdExceeded = (_, _, _) => told++;
        file.Observers.Threshold = before;
        world.Write(image, 0, 65536, 1);
        Assert.Equal(1, told);
        Assert.True(bitmap.Length > before, "the bitmap has not grown with the file");
        Assert.True(bitmap.NextDirty(before, bitmap.Length) >= 0, "what was written is not dirty");
        Assert.True(file.Observers.HighestWritten > before);
    }

    [Theory]
    [InlineData("'detect-zeroes':'off'", "write 0+4096")]
    [InlineData("'detect-zeroes':'on'", "zero 0+4096")]
    [InlineData("'detect-zeroes':'unmap','discard':'unmap'", "zero 0+4096 unmap")]
    public void WrittenZeroesAreFound(string options, string request)
    {
        var node = Add(options);
        world.Write(node, 0, 4096, 0);
        world.Write(node, 4096, 4096, 1);
        Assert.Equal([request, "write 4096+4096"], world.Host["a.raw"].Log);
    }

    [Theory]
    [InlineData("'discard':'ignore'", "zero 0+4096")]
    [InlineData("'discard':'unmap'", "zero 0+4096 unmap")]
    public void SpaceIsGivenBackOnlyWhereDiscardsPass(string options, string request)
    {
        var node = Add(options);
        GraphWorld.Done(node.WriteZeroesAsync(0, 4096, WriteFlags.MayUnmap));
        Assert.Equal([request], world.Host["a.raw"].Log);
    }

    [Fact]
    public void IgnoredDiscardsReachNobody()
    {
        var node = Add("'discard':'ignore'");
        var bitmap = node.Bitmaps.Create("b", node.Length, 65536);
        GraphWorld.Done(node.DiscardAsync(0, 65536));
        Assert.Empty(world.Host["a.raw"].Log);
        Assert.Empty(Dirty(bitmap));
    }

    private static IEnumerable<int> Dirty(DirtyBitmap bitmap) =>
        Enumerable.Range(0, (int)(bitmap.Length / bitmap.Granularity)).Where(i => bitmap.Get((long)i * bitmap.Granularity));

    private BlockNode Add(string options) =>
        world.Add($"{{'driver':'raw','node-name':'a',{options},'file':{{'driver':'file','filename':'a.raw'}}}}");
}
