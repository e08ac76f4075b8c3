using BlockUring.Graph;
using Xunit;

namespace BlockUring.Tests.Graph;

/// <summary>The length of a node's disk, by command.</summary>
public sealed class NodeResizeTests : IDisposable
{
    private readonly GraphWorld world = new();
    private readonly BlockNode node;

    public NodeResizeTests()
    {
        world.MakeQcow2("a.qcow2");
        node = world.Add("{'driver':'qcow2','node-name':'a','file':{'driver':'file','filename':'a.qcow2','node-name':'f'}}");
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void BitmapsFollowTheLength()
    {
        var bitmap = node.Bitmaps.Create("b", node.Length, 65536);
        Resize(node, 3 << 20);
        Assert.Equal(3 << 20, node.Length);
        Assert.Equal(3 << 20, bitmap.Length);
        world.Write(node, (3 << 20) - 512, 512, 1);
        Assert.Equal(65536, bitmap.Count);
        Resize(node, 1 << 20);
        Assert.Equal((1 << 20, 0), (bitmap.Length, bitmap.Count));
    }

    [Fact]
    public void FiltersShowTheSameLength()
    {
        var filter = world.Add("{'driver':'copy-on-read','node-name':'c','file':'a'}");
        var bitmap = filter.Bitmaps.Create("b", filter.Length, 65536);
        Resize(filter, 2 << 20);
        Assert.Equal((2 << 20, 2 << 20), (node.Length, bitmap.Length));
        Resize(node, 3 << 20);
        Assert.Equal(3 << 20, bitmap.Length);
    }

    [Fact]
    public void UsersAreQuietMeanwhile()
    {
        var user = world.Use(node, GraphWorld.Writing);
        Resize(node, 2 << 20);
        GraphWorld.Done(world.WriteAsync(user, (2 << 20) - 512, 512, 1));
    }

    [Fact]
    public void WhoDoesNotShareItStandsAgainstIt()
    {
        world.Use(node, GraphWorld.Reading, GraphWorld.Writing);
        Assert.Equal(
            "Permission conflict on node 'a': permissions 'resize' are both required by an unnamed block device (uses node 'a' as 'root' child) " +
            "and unshared by export 'e' (uses node 'a' as 'root' child).",
            ResizeFails(node, 2 << 20));
        Assert.Single(node.Parents);
    }

    [Fact]
    public void AFileBelowAFormatIsNotResized() => Assert.Contains("unshared by node 'a'", ResizeFails(world.Graph.Find("f"), 0));

    [Fact]
    public void WhatIsNoLengthIsRefused()
    {
        Assert.Equal("offset(9223372036854775296) exceeds maximum(9223372035781033984)", ResizeFails(node, 9223372036854775296));
        Assert.Equal("The new size must be a multiple of 512", ResizeFails(node, 1));
        world.Reopen("{'driver':'qcow2','node-name':'a','file':'f','read-only':true}");
        Assert.Equal("Image is read-only", ResizeFails(node, 2 << 20));
    }

    private void Resize(BlockNode target, long length) => GraphWorld.Done(NodeResize.RunAsync(world.Graph, target, length));

    private string ResizeFails(BlockNode target, long length) => GraphWorld.Fails(NodeResize.RunAsync(world.Graph, target, length)).Message;
}
