using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Graph;

/// <summary>Links that move while users are quiet.</summary>
public sealed class GraphEditorTests : IDisposable
{
    private readonly GraphWorld world = new();
    private readonly BlockNode file;
    private readonly BlockNode raw;

    public GraphEditorTests()
    {
        world.MakeRaw("a.raw");
        world.MakeRaw("b.raw");
        file = world.Add("{'driver':'file','node-name':'f','filename':'a.raw'}");
        raw = world.Add("{'driver':'raw','node-name':'a','file':'f'}");
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void AFilterPutInSeesTheRequestsOfAFormatAboveAndNothingAfterItWasTakenOut()
    {
        var filter = Filter(file);
        GraphWorld.Done(GraphEditor.InsertAsync(world.Graph, filter, file));
        Assert.Same(filter, raw.Primary!.Node);
        var written = new List<(long, long)>();
        filter.Observers.Written += (offset, length) => written.Add((offset, length));
        world.Write(raw, 512, 1024, 1);
        Assert.Equal([(512, 1024)], written);

        GraphWorld.Done(GraphEditor.RemoveAsync(world.Graph, filter));
        Assert.Same(file, raw.Primary!.Node);
        Assert.True(filter.IsClosed);
        world.Write(raw, 0, 512, 2);
        Assert.Single(written);
        world.Expect(raw, 0, 512, 2);
    }

    [Fact]
    public void WhatIsBelowTheFilterGoesOnUsingTheNode()
    {
        world.MakeQcow2("fleece.qcow2");
        var source = world.Add("{'driver':'null-co','node-name':'source','size':1048576}");
        var target = world.Add("{'driver':'qcow2','node-name':'t','backing':'source','file':{'driver':'file','filename':'fleece.qcow2'}}");
        var user = world.Use(source, GraphWorld.Writing);
        var copy = SnapshotCopies.Make(world.Graph, source, target, new(), 0);
        copy.Pending.SetAll();
        var filter = SnapshotCopies.Link(
            new CopyBeforeWriteNode("filter", new NodeSettings(), world.Scheduler, copy, new CopyBeforeWriteOptions(true)), source, target);
        GraphWorld.Done(GraphEditor.InsertAsync(world.Graph, filter, source));
        Assert.Same(filter, user.Node);
        Assert.Same(source, target.BackingLink!.Node);
        GraphWorld.Done(GraphEditor.RemoveAsync(world.Graph, filter));
        Assert.Same(source, user.Node);
    }

    [Fact]
    public void AFilterIsPutInWhenTheRequestsInFlightHaveEnded()
    {
        var user = world.Use(raw, GraphWorld.Writing);
        var disk = world.Host["a.raw"];
        disk.IsHeld = true;
        var first = world.WriteAsync(user, 0, 512, 1);
        var filter = Filter(raw);
        var insertion = GraphEditor.InsertAsync(world.Graph, filter, raw);
        var second = world.WriteAsync(user, 512, 512, 2);
        Assert.False(insertion.IsCompleted || second.IsCompleted);
        Assert.Same(raw, user.Node);

        var written = new List<(long, long)>();
        filter.Observers.Written += (offset, length) => written.Add((offset, length));
        disk.Release();
        GraphWorld.Done(insertion);
        GraphWorld.Done(first);
        GraphWorld.Done(second);
        Assert.Same(filter, user.Node);
        Assert.Equal([(512, 512)], written);
    }

    [Fact]
    public void AFrozenLinkKeepsItsPlaceAndTheFilterIsClosed()
    {
        raw.Primary!.Freeze("job 'j'");
        var filter = Filter(file);
        var e = GraphWorld.Fails(GraphEditor.InsertAsync(world.Graph, filter, file));
        Assert.Equal("Cannot change frozen 'file' link from 'a' to 'f'", e.Message);
        Assert.Same(file, raw.Primary.Node);
        Assert.True(filter.IsClosed);
        Assert.Equal(["f", "a"], world.Names);
        Assert.Equal(raw.Primary, Assert.Single(file.Parents));

        raw.Primary.Freeze("job 'k'");
        raw.Primary.Unfreeze("job 'j'");
        Assert.True(raw.Primary.IsFrozen);
        raw.Primary.Unfreeze("job 'k'");
        GraphWorld.Done(GraphEditor.InsertAsync(world.Graph, Filter(file), file));
    }

    [Fact]
    public void ReplacingMovesTheWantedUsersAndClosesWhatNobodyNamed()
    {
        var options = GraphWorld.Options("{'driver':'file','filename':'b.raw'}");
        var other = GraphWorld.Done(GraphOpener.OpenAsync(world.Graph, options, new NodeSettings()));
        var stays = world.Use(other);
        var moves = world.Use(other);
        GraphWorld.Done(GraphEditor.ReplaceAsync(world.Graph, other, raw, l => l.Owner == moves));
        Assert.Equal((other, raw), (stays.Node, moves.Node));
        Assert.False(other.IsClosed);
        GraphWorld.Done(GraphEditor.ReplaceAsync(world.Graph, other, raw, _ => true));
        Assert.True(other.IsClosed);
        Assert.Equal("a.raw", Assert.Single(world.Host.Open).Path);
    }

    [Fact]
    public void TheBackingNodeChangesForReadersAtOnce()
    {
        var (top, one, two) = MakeChain();
        world.Write(one, 0, 65536, 1);
        world.Write(two, 0, 65536, 2);
        world.Expect(top, 0, 65536, 1);
        GraphWorld.Done(GraphEditor.SetBackingAsync(world.Graph, top, two));
        world.Expect(top, 0, 65536, 2);
        Assert.Empty(one.Parents);
        GraphWorld.Done(GraphEditor.SetBackingAsync(world.Graph, top, null));
        world.Expect(top, 0, 65536, 0);
    }

    [Fact]
    public void NoBackingNodeMayLieAboveItsOverlay()
    {
        var (top, one, _) = MakeChain();
        Assert.Equal(
            "Making 'top' a backing child of 'one' would create a cycle",
            GraphWorld.Fails(GraphEditor.SetBackingAsync(world.Graph, one, top)).Message);
        Assert.Equal(
            "Making 'top' a backing child of 'top' would create a cycle",
            GraphWorld.Fails(GraphEditor.SetBackingAsync(world.Graph, top, top)).Message);
        Assert.Same(one, top.BackingLink!.Node);
    }

    [Fact]
    public void AConflictOverTheNewBackingNodeLeavesTheOldOne()
    {
        var (top, one, two) = MakeChain();
        world.Use(top, GraphWorld.Reading, NodeLink.AllPermissions & ~ImagePermissions.Write);
        world.Use(two, GraphWorld.Writing);
        var e = GraphWorld.Fails(GraphEditor.SetBackingAsync(world.Graph, top, two));
        Assert.StartsWith("Permission conflict on node 'two': permissions 'write' are both required by export 'e'", e.Message);
        Assert.Same(one, top.BackingLink!.Node);
        Assert.Same(one, top.Backing);
        Assert.DoesNotContain(two.Parents, l => l.Owner == top);
    }

    private (BlockNode Top, BlockNode One, BlockNode Two) MakeChain()
    {
        foreach (var name in (string[])["top", "one", "two"])
            world.MakeQcow2(name + ".qcow2");
        var (one, two) = (AddQcow2("one", "null"), AddQcow2("two", "null"));
        return (AddQcow2("top", "'one'"), one, two);
    }

    private BlockNode AddQcow2(string name, string backing) =>
        world.Add($"{{'driver':'qcow2','node-name':'{name}','backing':{backing},'file':{{'driver':'file','filename':'{name}.qcow2'}}}}");

    private CopyOnReadNode Filter(BlockNode below)
    {
        var filter = new CopyOnReadNode(world.Graph.NextAutoName(), new NodeSettings(), null);
        filter.AddChild("file", LinkRole.Filtered, below);
        return filter;
    }
}
