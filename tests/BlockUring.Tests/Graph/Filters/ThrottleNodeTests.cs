using BlockUring.Graph;
using BlockUring.Graph.Throttling;
using BlockUring.Images;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Graph.Filters;

/// <summary>The throttle filter.</summary>
public sealed class ThrottleNodeTests : IDisposable
{
    private readonly GraphWorld world = new();
    private readonly ThrottleGroup group;

    public ThrottleNodeTests()
    {
        group = new ThrottleGroup(world.Scheduler, "g", ThrottleLimits.Parse(OptionTree.ParseKeyValues("iops-total=1")));
        var other = new ThrottleGroup(world.Scheduler, "h", ThrottleLimits.None);
        world.Graph.FindObject = (type, name) => type != "throttle-group" ? null : name == "g" ? group : name == "h" ? other : null;
        world.MakeRaw("a.raw");
    }

    public void Dispose() => world.Dispose();

    [Theory]
    [InlineData("", "Please specify a throttle group")]
    [InlineData(",'throttle-group':'zork'", "Throttle group 'zork' does not exist")]
    [InlineData(",'throttle-group':'g','zork':1", "Block format 'throttle' does not support the option 'zork'")]
    public void WhatCannotBeIsRefused(string options, string message)
    {
        Assert.Equal(message, world.AddFails($"{{'driver':'throttle','node-name':'t','file':{{'driver':'file','filename':'a.raw'}}{options}}}"));
        Assert.Equal(0, group.MemberCount);
    }

    [Fact]
    public void EveryKindOfRequestButTheFlushWaits()
    {
        var node = Add("'discard':'unmap'");
        Func<ValueTask>[] requests =
        [
            () => world.WriteAsync(node, 0, 512, 1),
            () => new(world.ReadAsync(node, 0, 512).AsTask()),
            () => node.WriteZeroesAsync(0, 512),
            () => node.DiscardAsync(0, 512),
        ];
        GraphWorld.Done(world.WriteAsync(node, 0, 512, 1));
        foreach (var request in requests)
        {
            var pending = request();
            Assert.False(pending.IsCompleted);
            GraphWorld.Done(node.FlushAsync());
            world.Scheduler.Advance(TimeSpan.FromSeconds(1));
            GraphWorld.Done(pending);
        }

        Assert.Equal(
            ["write 0+512", "flush", "write 0+512", "flush", "read 0+512", "flush", "zero 0+512", "flush", "discard 0+512"],
            world.Host["a.raw"].Log);
    }

    [Fact]
    public void ADrainedSectionDoesNotWaitForLimits()
    {
        var node = Add("'read-only':false");
        var top = world.Add("{'driver':'raw','node-name':'top','file':'t'}");
        var user = world.Use(top, GraphWorld.Writing);
        var pending = Enumerable.Range(0, 3).Select(i => world.WriteAsync(user, i * 512, 512, 1)).ToArray();
        Assert.Single(world.Host["a.raw"].Log);
        using (GraphWorld.Done(world.Graph.DrainAsync(top)))
            Assert.All(pending, GraphWorld.Done);
        var late = world.WriteAsync(user, 0, 512, 2);
        Assert.False(late.IsCompleted);
        world.Scheduler.Advance(TimeSpan.FromSeconds(10));
        GraphWorld.Done(late);
    }

    [Fact]
    public void ReopeningMovesToAnotherGroup()
    {
        var node = Add("'read-only':false");
        world.Write(node, 0, 512, 1);
        Assert.Equal(
            "Throttle group 'zork' does not exist",
            world.ReopenFails("{'driver':'throttle','node-name':'t','file':'f','throttle-group':'zork'}"));
        Assert.Equal(1, group.MemberCount);
        world.Reopen("{'driver':'throttle','node-name':'t','file':'f','throttle-group':'h'}");
        Assert.Equal(0, group.MemberCount);
        world.Write(node, 0, 512, 1);
        world.Write(node, 0, 512, 1);
    }

    [Fact]
    public void TheGroupIsFreeWhenTheNodeIsGone()
    {
        Add("'read-only':false");
        Assert.Equal(1, group.MemberCount);
        world.Delete("t");
        Assert.Equal(0, group.MemberCount);
    }

    [Fact]
    public void AFilterOverAReadOnlyNodeMayStayWritableUntilSomebodyWrites()
    {
        world.Add("{'driver':'file','node-name':'ro','filename':'a.raw','read-only':true}");
        var node = world.Add("{'driver':'throttle','node-name':'t','throttle-group':'h','file':'ro'}");
        Assert.False(node.IsReadOnly);
        Assert.Equal("Block node is read-only", Assert.Throws<BlockException>(() => world.Use(node, GraphWorld.Writing)).Message);
    }

    private BlockNode Add(string options) =>
        world.Add($"{{'driver':'throttle','node-name':'t','throttle-group':'g',{options},'file':{{'driver':'file','node-name':'f','filename':'a.raw'}}}}");
}
