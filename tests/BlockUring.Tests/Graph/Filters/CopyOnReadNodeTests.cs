using BlockUring.Graph;
using BlockUring.Images;
using Xunit;

namespace BlockUring.Tests.Graph.Filters;

/// <summary>The copy-on-read filter, over a chain of three images of 1 MiB: one cluster of data each, the top one's being the third.</summary>
public sealed class CopyOnReadNodeTests : IDisposable
{
    private const int Cluster = 65536;

    private readonly GraphWorld world = new();
    private readonly BlockNode mid;
    private readonly BlockNode top;

    public CopyOnReadNodeTests()
    {
        world.MakeQcow2("base");
        world.MakeQcow2("mid", "backing_file=base,backing_fmt=qcow2");
        world.MakeQcow2("top", "backing_file=mid,backing_fmt=qcow2");
        Fill("base", 0, 1);
        Fill("mid", Cluster, 2);
        Fill("top", 2 * Cluster, 3);
        mid = world.Add("{'driver':'qcow2','node-name':'mid','read-only':true,'file':{'driver':'file','filename':'mid'}}");
        top = world.Add("{'driver':'qcow2','node-name':'top','backing':'mid','file':{'driver':'file','filename':'top'}}");
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void AllThatIsReadIsHeldByTheTopLayerAfterwards()
    {
        var node = world.Add("{'driver':'copy-on-read','node-name':'c','file':'top'}");
        ExpectContent(node);

        // What no layer holds is stored as zeroes, as QEMU does.
        Assert.Equal("1111100", Held(0, 7));
        ExpectContent(top);
        var reads = Reads("mid") + Reads("base");
        ExpectContent(node);
        Assert.Equal(reads, Reads("mid") + Reads("base"));
    }

    [Fact]
    public void WithABottomOnlyTheDataDownToItIsCopied()
    {
        var node = world.Add("{'driver':'copy-on-read','node-name':'c','file':'top','bottom':'mid'}");
        ExpectContent(node);
        Assert.Equal("01100", Held(0, 5));
    }

    [Fact]
    public void AShortReadCopiesItsWholeCluster()
    {
        var node = world.Add("{'driver':'copy-on-read','node-name':'c','file':'top'}");
        world.Expect(node, 1000, 100, 1);
        Assert.Equal("10100", Held(0, 5));
        world.Expect(top, 0, Cluster, 1);
    }

    [Fact]
    public void ALastPartialClusterIsCopied()
    {
        world.MakeQcow2("odd-base", length: Cluster + 512);
        world.MakeQcow2("odd", "backing_file=odd-base,backing_fmt=qcow2", Cluster + 512);
        Fill("odd-base", Cluster, 5, 512);
        var odd = world.Add("{'driver':'qcow2','node-name':'odd','file':{'driver':'file','filename':'odd'}}");
        var node = world.Add("{'driver':'copy-on-read','node-name':'c','file':'odd'}");
        world.Expect(node, Cluster + 100, 100, 5);
        world.Expect(odd, Cluster, 512, 5);
        Assert.True(GraphWorld.Done(odd.GetLayerStatusAsync(Cluster, 512)).IsAllocated);
        Assert.Equal([5, 5, 0, 0], world.Read(node, Cluster + 510, 4));
    }

    [Fact]
    public void WhatAShortMiddleLayerHidesIsCopiedAsZeroes()
    {
        world.MakeQcow2("short", "backing_file=base,backing_fmt=qcow2", Cluster);
        world.MakeQcow2("long", "backing_file=short,backing_fmt=qcow2");
        Fill("base", 3 * Cluster, 4);
        world.Add("{'driver':'qcow2','node-name':'short','read-only':true,'file':{'driver':'file','filename':'short'}}");
        var over = world.Add("{'driver':'qcow2','node-name':'long','backing':'short','file':{'driver':'file','filename':'long'}}");
        var node = world.Add("{'driver':'copy-on-read','node-name':'c','file':'long','bottom':'short'}");
        world.Expect(node, 3 * Cluster, Cluster, 0);
        Assert.True(GraphWorld.Done(over.GetLayerStatusAsync(3 * Cluster, Cluster)).IsAllocated);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AWriteMeanwhileIsNeverUndone(bool pastTheFilter)
    {
        var node = world.Add("{'driver':'copy-on-read','node-name':'c','file':'top'}");
        var below = world.Host["base"];
        below.IsHeld = true;
        var read = world.ReadAsync(node, 0, Cluster);
        Assert.False(read.IsCompleted);

        // The write takes a new cluster, and has to read its edges from below, too.
        var write = world.WriteAsync(pastTheFilter ? top : node, 4096, 4096, 9);
        below.Release();
        GraphWorld.Done(write);
        var seen = GraphWorld.Done(read);
        Assert.All(seen.Where((_, i) => i is < 4096 or >= 8192), b => Assert.Equal(1, b));
        world.Expect(top, 0, 4096, 1);
        world.Expect(top, 4096, 4096, 9);
        world.Expect(top, 8192, Cluster - 8192, 1);
    }

    [Fact]
    public void AWholeClusterWrittenMeanwhileStays()
    {
        var node = world.Add("{'driver':'copy-on-read','node-name':'c','file':'top'}");
        var below = world.Host["base"];
        below.IsHeld = true;
        var read = world.ReadAsync(node, 0, 2 * Cluster);
        world.Write(node, 0, Cluster, 9);
        GraphWorld.Done(node.WriteZeroesAsync(Cluster, Cluster));
        below.Release();
        GraphWorld.Done(read);
        world.Expect(top, 0, Cluster, 9);
        world.Expect(top, Cluster, Cluster, 0);
    }

    [Fact]
    public void SubclustersThatTheTopLayerHoldsAreKept()
    {
        world.MakeQcow2("fine", "backing_file=base,backing_fmt=qcow2,extended_l2=on");
        var fine = world.Add("{'driver':'qcow2','node-name':'fine','file':{'driver':'file','filename':'fine'}}");
        world.Write(fine, 2048, 2048, 7);
        var node = world.Add("{'driver':'copy-on-read','node-name':'c','file':'fine'}");
        world.Expect(node, 0, 2048, 1);
        world.Expect(node, 2048, 2048, 7);
        world.Expect(node, 4096, Cluster - 4096, 1);
        Assert.Equal(Cluster, GraphWorld.Done(fine.GetLayerStatusAsync(0, Cluster)).Length);
    }

    [Fact]
    public void TheCopyIsNoWriteToBitmapsAndNoSnapshotIsTaken()
    {
        var node = world.Add("{'driver':'copy-on-read','node-name':'c','file':'top'}");
        var bitmap = top.Bitmaps.Create("b", top.Length, Cluster);
        ExpectContent(node);
        Assert.True(bitmap.IsAllClean);
    }

    [Fact]
    public void TheLinksDownToTheBottomAreFrozen()
    {
        world.Add("{'driver':'copy-on-read','node-name':'c','file':'top','bottom':'mid'}");
        Assert.Equal(
            "Cannot change frozen 'backing' link from 'top' to 'mid'",
            GraphWorld.Fails(GraphEditor.SetBackingAsync(world.Graph, top, null)).Message);
        world.Delete("c");
        GraphWorld.Done(GraphEditor.SetBackingAsync(world.Graph, top, null));
    }

    [Theory]
    [InlineData("'file':'top','bottom':'zork'", "Bottom node 'zork' not found")]
    [InlineData("'file':'c','bottom':'c'", "Bottom node 'c' is a filter")]
    [InlineData("'file':'mid','bottom':'top'", "Bottom node 'top' is not in the backing chain of 'mid'")]
    [InlineData("'file':'mid'", "Block node is read-only")]
    [InlineData("'file':'mid','read-only':true", "Block node is read-only")]
    public void WhatCannotBeIsRefused(string options, string message)
    {
        world.Add("{'driver':'copy-on-read','node-name':'c','file':'top'}");
        Assert.Equal(message, world.AddFails($"{{'driver':'copy-on-read','node-name':'x',{options}}}"));
    }

    [Fact]
    public void AFailedCopyFailsTheRead()
    {
        world.MakeQcow2("twin", "backing_file=base,backing_fmt=qcow2");
        world.Add(
            "{'driver':'blkdebug','node-name':'bd','image':{'driver':'file','filename':'twin'}," +
            "'inject-error':[{'event':'write_aio','errno':28,'iotype':'write'}]}");
        var twin = world.Add("{'driver':'qcow2','node-name':'twin','file':'bd'}");
        var node = world.Add("{'driver':'copy-on-read','node-name':'c','file':'twin'}");
        var read = world.ReadAsync(node, 0, Cluster);
        world.Scheduler.Advance(TimeSpan.Zero);
        Assert.Equal(28, GraphWorld.Fails(read).ErrorNumber);
        Assert.False(GraphWorld.Done(twin.GetLayerStatusAsync(0, Cluster)).IsAllocated);
    }

    private void Fill(string path, long offset, byte value, int length = Cluster)
    {
        world.Write(world.Add($"{{'driver':'qcow2','node-name':'fill','file':{{'driver':'file','filename':'{path}'}}}}"), offset, length, value);
        world.Delete("fill");
    }

    private void ExpectContent(GuestDisk disk)
    {
        world.Expect(disk, 3 * Cluster, 2 * Cluster, 0);
        for (byte i = 0; i < 3; i++)
            world.Expect(disk, i * Cluster, Cluster, (byte)(i + 1));
    }

    // A digit a cluster: whether the top layer holds it.
    private string Held(int first, int count) => string.Concat(Enumerable.Range(first, count)
        .Select(i => GraphWorld.Done(top.GetLayerStatusAsync((long)i * Cluster, Cluster)).IsAllocated ? '1' : '0'));

    private int Reads(string path) => world.Host[path].Log.Count(l => l.StartsWith("read", StringComparison.Ordinal));
}
