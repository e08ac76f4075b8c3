using BlockUring.Graph;
using Xunit;

namespace BlockUring.Tests.Graph;

/// <summary>blockdev-reopen.</summary>
public sealed class GraphReopenerTests : IDisposable
{
    private readonly GraphWorld world = new();
    private readonly BlockNode raw;
    private readonly BlockNode qcow2;

    public GraphReopenerTests()
    {
        world.MakeRaw("a.raw");
        world.MakeRaw("b.raw");
        world.MakeQcow2("q.qcow2");
        world.Add("{'driver':'file','node-name':'af','filename':'a.raw'}");
        world.Add("{'driver':'file','node-name':'bf','filename':'b.raw'}");
        raw = world.Add("{'driver':'raw','node-name':'a','file':'af'}");
        qcow2 = world.Add("{'driver':'qcow2','node-name':'q','file':{'driver':'file','node-name':'qf','filename':'q.qcow2'}}");
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void WhatIsNotNamedGoesBackToItsDefault()
    {
        world.Reopen("{'driver':'raw','node-name':'a','file':'af','read-only':true,'detect-zeroes':'on'}");
        Assert.Equal((true, DetectZeroes.On), (raw.IsReadOnly, raw.Settings.DetectZeroes));
        Assert.False(world.Graph.Find("af").IsReadOnly);
        world.Reopen("{'driver':'raw','node-name':'a','file':'af'}");
        Assert.Equal((false, DetectZeroes.Off), (raw.IsReadOnly, raw.Settings.DetectZeroes));
    }

    [Theory]
    [InlineData("{'driver':'raw','node-name':'a','file':'af','cache':{'no-flush':true}}", "a")]
    [InlineData("{'driver':'qcow2','node-name':'q','file':'qf','cache':{'no-flush':true}}", "q,qf")]
    [InlineData("{'driver':'file','node-name':'af','filename':'a.raw','cache':{'no-flush':true}}", "af")]
    public void InlineChildrenFollow(string options, string changed)
    {
        world.Reopen(options);
        Assert.Equal(changed.Split(',').Order(), world.Graph.Nodes.Where(n => n.Settings.NoFlush).Select(n => n.Name).Order());
    }

    [Fact]
    public void ReadOnlyAndBackKeepsWhatWasWritten()
    {
        world.Write(qcow2, 0, 65536, 1);
        var before = world.Host["q.qcow2"];
        world.Reopen("{'driver':'qcow2','node-name':'q','file':'qf','read-only':true}");
        Assert.True(qcow2.IsReadOnly && world.Graph.Find("qf").IsReadOnly);
        Assert.NotSame(before, world.Host["q.qcow2"]);
        Assert.Equal(3, world.Host.Open.Count);
        world.Expect(qcow2, 0, 65536, 1);
        world.Reopen("{'driver':'qcow2','node-name':'q','file':'qf'}");
        world.Write(qcow2, 65536, 65536, 2);
        world.Expect(qcow2, 65536, 65536, 2);
        world.Delete("q");
        var again = world.Add("{'driver':'qcow2','node-name':'q','file':{'driver':'file','filename':'q.qcow2'}}");
        world.Expect(again, 0, 65536, 1);
        world.Expect(again, 65536, 65536, 2);
    }

    [Fact]
    public void AWriterKeepsItsNodeWritable()
    {
        var user = world.Use(raw, GraphWorld.Writing);
        Assert.Equal(
            "Read-only block node 'a' cannot support read-write users",
            world.ReopenFails("{'driver':'raw','node-name':'a','file':'af','read-only':true}"));
        Assert.False(raw.IsReadOnly);
        GraphWorld.Done(world.WriteAsync(user, 0, 512, 1));
    }

    [Fact]
    public void AWriterOnAFormatKeepsItsFileWritable()
    {
        world.Use(raw, GraphWorld.Writing);
        Assert.Equal("Block node is read-only", world.ReopenFails("{'driver':'file','node-name':'af','filename':'a.raw','read-only':true}"));
        Assert.False(world.Graph.Find("af").IsReadOnly);
        Assert.Equal(3, world.Host.Open.Count);
        Assert.Equal(GraphWorld.Writing, world.Host["a.raw"].Needed);
        world.Write(raw, 0, 512, 1);
    }

    [Theory]
    [InlineData("{'driver':'raw','file':'af'}", "node-name not specified")]
    [InlineData("{'driver':'raw','node-name':'zork','file':'af'}", "Failed to find node with node-name='zork'")]
    [InlineData("{'driver':'qcow2','node-name':'a','file':'af'}", "Cannot change the option 'driver'")]
    [InlineData("{'driver':'raw','node-name':'a','file':'zork'}", "Cannot find device='' nor node-name='zork'")]
    [InlineData("{'driver':'raw','node-name':'a','file':{'driver':'file','filename':'a.raw'}}", "Cannot change the option 'file.driver'")]
    [InlineData("{'driver':'file','node-name':'af','filename':'b.raw'}", "Cannot change the option 'filename'")]
    [InlineData("{'driver':'raw','node-name':'a','file':'af','detect-zeroes':'unmap'}", "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap")]
    [InlineData("{'driver':'raw','node-name':'a','file':'a'}", "Making 'a' a file child of 'a' would create a cycle")]
    [InlineData("{'driver':'raw','node-name':'a','file':'af','size':512}", "Cannot change the option 'size'")]
    [InlineData("{'driver':'null-co','node-name':'n','size':512}", "Cannot change the option 'size'")]
    [InlineData("{'driver':'null-co','node-name':'n'}", "Option 'size' cannot be reset to its default value")]
    [InlineData("{'driver':'raw','node-name':'a','file':'af','backing':'bf'}", "Driver 'raw' of node 'a' does not support backing files")]
    [InlineData("{'driver':'qcow2','node-name':'q','file':'qf','backing':'q'}", "Making 'q' a backing child of 'q' would create a cycle")]
    public void WhatCannotBeIsRefused(string options, string message)
    {
        world.Add("{'driver':'null-co','node-name':'n','size':1024}");
        var before = world.Graph.Nodes.Select(n => (n.Name, n.Settings)).ToArray();
        Assert.Equal(message, world.ReopenFails("{'driver':'raw','node-name':'a','file':'bf','read-only':true}", options));
        Assert.Equal(before, world.Graph.Nodes.Select(n => (n.Name, n.Settings)));
        Assert.Equal("af", raw.Primary!.Node.Name);
        world.Write(raw, 0, 512, 9);
        Assert.Contains("write 0+512", world.Host["a.raw"].Log);
        Assert.Empty(world.Host["b.raw"].Log);
    }

    [Fact]
    public void TheFileOfARawNodeMayBeAnother()
    {
        world.Write(raw, 0, 512, 1);
        world.Reopen("{'driver':'raw','node-name':'a','file':'bf'}");
        world.Expect(raw, 0, 512, 0);
        world.Delete("af");
        Assert.Equal("Block device bf is in use", world.DeleteFails("bf"));
    }

    [Fact]
    public void TheLastOfTwoWordsCounts()
    {
        world.Reopen("{'driver':'raw','node-name':'a','file':'bf'}", "{'driver':'raw','node-name':'a','file':'bf','read-only':true}");
        Assert.True(raw.IsReadOnly);
    }

    [Fact]
    public void ABackingNodeIsReplacedAndTheImplicitOneCloses()
    {
        world.MakeQcow2("top.qcow2", "backing_file=a.raw,backing_fmt=raw");
        const string Top = "{'driver':'qcow2','node-name':'t','file':{'driver':'file','filename':'top.qcow2','node-name':'tf'}";
        var top = world.Add(Top + "}");
        var implicitNode = top.BackingLink!.Node;
        Assert.Equal("backing is missing for 't'", world.ReopenFails(Top + "}"));
        world.Write(world.Graph.Find("bf"), 0, 512, 7);
        world.Reopen(Top + ",'backing':'bf'}");
        Assert.True(implicitNode.IsClosed);
        world.Expect(top, 0, 512, 7);
        world.Reopen(Top + ",'backing':null}");
        Assert.Null(top.BackingLink);
        world.Expect(top, 0, 512, 0);
        world.Delete("bf");
    }

    [Fact]
    public void AFrozenBackingLinkStays()
    {
        world.MakeQcow2("top.qcow2");
        var top = world.Add("{'driver':'qcow2','node-name':'t','file':{'driver':'file','filename':'top.qcow2'},'backing':'bf'}");
        top.BackingLink!.Freeze("job 'j'");
        const string Options = "{'driver':'qcow2','node-name':'t','file':{'driver':'file','filename':'top.qcow2'},'read-only':true,'backing':'af'}";
        Assert.Equal("Cannot change frozen 'backing' link from 't' to 'bf'", world.ReopenFails(Options));
        Assert.Equal(("bf", false, 4), (top.BackingLink.Node.Name, top.IsReadOnly, world.Host.Open.Count));
        world.Write(top, 0, 512, 1);
    }

    [Fact]
    public void ARefusedLockLeavesTheOldFileInUse()
    {
        world.Use(raw, GraphWorld.Writing);
        var before = world.Host["a.raw"];
        world.Host.LockedPaths.Add("b.raw");
        Assert.Equal("Failed to get \"write\" lock", world.ReopenFails("{'driver':'raw','node-name':'a','file':'bf','discard':'unmap'}"));
        Assert.Equal(("af", false), (raw.Primary!.Node.Name, raw.Settings.Unmap));
        Assert.Equal(GraphWorld.Writing, before.Needed);
        world.Write(raw, 0, 512, 3);
        Assert.Equal(["write 0+512"], before.Log);
    }

    [Fact]
    public void RequestsInFlightEndFirst()
    {
        var user = world.Use(qcow2, GraphWorld.Writing);
        var disk = world.Host["q.qcow2"];
        disk.IsHeld = true;
        var write = world.WriteAsync(user, 0, 65536, 1);
        var reopening = GraphReopener.ReopenAsync(
            world.Graph, [GraphWorld.Options("{'driver':'qcow2','node-name':'q','file':'qf','cache':{'no-flush':true}}")]);
        Assert.False(reopening.IsCompleted || write.IsCompleted);
        disk.Release();
        GraphWorld.Done(write);
        GraphWorld.Done(reopening);
        Assert.NotSame(disk, world.Host["q.qcow2"]);
        world.Expect(qcow2, 0, 65536, 1);
    }
}
