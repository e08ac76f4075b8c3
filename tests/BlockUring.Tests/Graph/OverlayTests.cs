using BlockUring.Graph;
using Xunit;

namespace BlockUring.Tests.Graph;

/// <summary>Overlays take a node's place, and are taken off again.</summary>
public sealed class OverlayTests : IDisposable
{
    private readonly GraphWorld world = new();
    private readonly BlockNode below;
    private readonly BlockNode overlay;

    public OverlayTests()
    {
        world.MakeQcow2("below.qcow2");
        world.MakeQcow2("overlay.qcow2");
        below = world.Add("{'driver':'qcow2','node-name':'below','file':{'driver':'file','filename':'below.qcow2'}}");
        overlay = world.Add("{'driver':'qcow2','node-name':'overlay','file':{'driver':'file','filename':'overlay.qcow2'}}");
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void UsersMoveToTheOverlay()
    {
        world.Write(below, 0, 65536, 1);
        var user = world.Use(below, GraphWorld.Writing);
        Put();
        Assert.Same(overlay, user.Node);
        GraphWorld.Done(world.WriteAsync(user, 4096, 4096, 2));
        world.Expect(overlay, 0, 4096, 1);
        world.Expect(overlay, 4096, 4096, 2);
        world.Expect(below, 0, 65536, 1);
    }

    [Fact]
    public void WhoMeansTheNodeItselfStays()
    {
        var job = new StayingUser();
        var link = world.Graph.Attach(job, below, "main node", GraphWorld.Reading, NodeLink.AllPermissions);
        Put();
        Assert.Same(below, link.Node);
    }

    [Fact]
    public void TheNodeBelowIsNotWrittenAnyMore()
    {
        world.Use(below);
        GraphWorld.Done(Put().CommitAsync());
        Assert.True(below.IsReadOnly);
        Assert.True(below.Primary!.Node.IsReadOnly);
        Assert.False(overlay.IsReadOnly);
    }

    [Fact]
    public void UndoGivesTheUsersBack()
    {
        var user = world.Use(below, GraphWorld.Writing);
        GraphWorld.Done(Put().UndoAsync());
        Assert.Same(below, user.Node);
        Assert.Null(overlay.BackingLink);
        Assert.Contains("overlay", world.Names);
        GraphWorld.Done(world.WriteAsync(user, 0, 4096, 3));
        world.Expect(below, 0, 4096, 3);
    }

    [Fact]
    public void AnOverlayThatNobodyUsesYetBelongsToTheMonitor()
    {
        GraphWorld.Done(NewImage.CreateAsync(world.Graph, "new.qcow2", "qcow2", below.Length, below));
        var made = GraphWorld.Done(NewImage.OpenAsync(world.Graph, "new.qcow2", "qcow2", "new", new NodeSettings(), withBacking: false));
        GraphWorld.Done(GraphWorld.Done(OverlayChange.PutAsync(world.Graph, below, made)).CommitAsync());
        Assert.Equal("Node 'below' is busy: node is used as backing hd of 'new'", world.DeleteFails("below"));
        world.Delete("new");
        world.Delete("below");
    }

    [Fact]
    public void AFailureChangesNothing()
    {
        var user = world.Use(below);
        below.Parents[0].Freeze("a job");
        var message = GraphWorld.Fails(OverlayChange.PutAsync(world.Graph, below, overlay)).Message;
        Assert.Equal("Cannot change frozen 'root' link from 'export 'e'' to 'below'", message);
        Assert.Same(below, user.Node);
        Assert.Null(overlay.BackingLink);
    }

    [Fact]
    public void WhatIsNoOverlayIsRefused()
    {
        var raw = world.Add("{'driver':'raw','node-name':'raw','file':{'driver':'null-co','size':65536}}");
        Assert.Equal("The overlay does not support backing images", Refusal(below, raw));
        Assert.Equal("Making 'below' a backing child of 'below' would create a cycle", Refusal(below, below));
        Put();
        Assert.Equal("The overlay already has a backing image", Refusal(raw, overlay));
        Assert.Equal("Making 'overlay' a backing child of 'below' would create a cycle", Refusal(overlay, below));
    }

    [Theory]
    [InlineData("below.qcow2", "new.qcow2", "below.qcow2")]
    [InlineData("/images/below.qcow2", "new.qcow2", "/images/below.qcow2")]
    public void TheHeaderNamesTheBackingFile(string path, string created, string expected)
    {
        world.MakeQcow2(path);
        var node = world.Add($"{{'driver':'qcow2','node-name':'x','file':{{'driver':'file','filename':'{path}'}}}}");
        GraphWorld.Done(NewImage.CreateAsync(world.Graph, created, "qcow2", node.Length, node));
        Assert.Equal((expected, "qcow2"), BackingOf(created));
    }

    [Fact]
    public void AnOverlayInAnotherFolderNamesTheWholePath()
    {
        GraphWorld.Done(NewImage.CreateAsync(world.Graph, "folder/new.qcow2", "qcow2", below.Length, below));
        Assert.Equal((Path.GetFullPath("below.qcow2"), "qcow2"), BackingOf("folder/new.qcow2"));
    }

    private OverlayChange Put() => GraphWorld.Done(OverlayChange.PutAsync(world.Graph, below, overlay));

    private string Refusal(BlockNode node, BlockNode candidate) =>
        GraphWorld.Fails(OverlayChange.PutAsync(world.Graph, node, candidate)).Message;

    private (string?, string?) BackingOf(string path)
    {
        var node = GraphWorld.Done(NewImage.OpenAsync(world.Graph, path, "qcow2", null, new NodeSettings(), withBacking: false));
        var format = ((FormatNode)node).Image.Format;
        return (format.BackingFileName, format.BackingFormat);
    }

    private sealed class StayingUser : NodeUser
    {
        public override string Description => "backup job 'j'";

        public override bool StaysAtNode => true;

        public override ValueTask QuiesceAsync() => ValueTask.CompletedTask;

        public override void Resume()
        {
        }
    }
}
