using BlockUring.Graph;
using Xunit;

namespace BlockUring.Tests.Graph;

/// <summary>Drained sections.</summary>
public sealed class DrainTests : IDisposable
{
    private readonly GraphWorld world = new();
    private readonly BlockNode file;
    private readonly BlockNode raw;

    public DrainTests()
    {
        world.MakeRaw("a.raw");
        file = world.Add("{'driver':'file','node-name':'f','filename':'a.raw'}");
        raw = world.Add("{'driver':'raw','node-name':'a','file':'f'}");
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void ASectionBeginsWhenNothingIsInFlightAndHoldsUpWhatComes()
    {
        var user = world.Use(raw, GraphWorld.Writing);
        world.Host["a.raw"].IsHeld = true;
        var early = world.WriteAsync(user, 0, 512, 1);
        var draining = world.Graph.DrainAsync(file);
        Assert.False(draining.IsCompleted);
        world.Host["a.raw"].Release();
        GraphWorld.Done(early);
        var section = GraphWorld.Done(draining);

        var late = world.WriteAsync(user, 512, 512, 2);
        Assert.False(late.IsCompleted);
        Assert.Single(world.Host["a.raw"].Log);
        section.Dispose();
        GraphWorld.Done(late);
        section.Dispose();
        GraphWorld.Done(world.WriteAsync(user, 0, 512, 3));
    }

    [Fact]
    public void SectionsNest()
    {
        var user = world.Use(raw, GraphWorld.Writing);
        var outer = GraphWorld.Done(world.Graph.DrainAsync(raw));
        var inner = GraphWorld.Done(world.Graph.DrainAsync(file, raw));
        var write = world.WriteAsync(user, 0, 512, 1);
        outer.Dispose();
        Assert.False(write.IsCompleted);
        inner.Dispose();
        GraphWorld.Done(write);
    }

    [Fact]
    public void UsersElsewhereGoOn()
    {
        var other = world.Use(world.Add("{'driver':'null-co','node-name':'n'}"), GraphWorld.Writing);
        using var section = GraphWorld.Done(world.Graph.DrainAsync(file));
        GraphWorld.Done(world.WriteAsync(other, 0, 512, 1));
    }

    [Fact]
    public void WhoIsAttachedInsideASectionIsQuietUntilItsEnd()
    {
        var section = GraphWorld.Done(world.Graph.DrainAsync(file));
        var user = world.Use(raw, GraphWorld.Writing);
        var write = world.WriteAsync(user, 0, 512, 1);
        Assert.False(write.IsCompleted);
        section.Dispose();
        GraphWorld.Done(write);
    }

    [Fact]
    public void WhoLeavesInsideASectionGoesOn()
    {
        var n = world.Add("{'driver':'null-co','node-name':'n'}");
        var user = world.Use(n, GraphWorld.Writing);
        world.Graph.Attach(user, raw, "extra", GraphWorld.Reading, NodeLink.AllPermissions);
        using var section = GraphWorld.Done(world.Graph.DrainAsync(file));
        var write = world.WriteAsync(user, 0, 512, 1);
        Assert.False(write.IsCompleted);
        world.Graph.Detach(user.Links[1]);
        GraphWorld.Done(write);
    }

    [Fact]
    public void WhoseNodeIsPutAboveADrainedOneBecomesQuiet()
    {
        world.MakeQcow2("top.qcow2");
        var top = world.Add("{'driver':'qcow2','node-name':'top','file':{'driver':'file','filename':'top.qcow2'}}");
        var user = world.Use(top, GraphWorld.Writing);
        var section = GraphWorld.Done(world.Graph.DrainAsync(file));
        GraphWorld.Done(world.WriteAsync(user, 0, 512, 1));
        GraphWorld.Done(GraphEditor.SetBackingAsync(world.Graph, top, raw));
        var write = world.WriteAsync(user, 0, 512, 1);
        Assert.False(write.IsCompleted);
        section.Dispose();
        GraphWorld.Done(write);
    }

    [Fact]
    public void AUserThatGoesWhileOneWaitsForItDoesNotHoldTheSectionUp()
    {
        var user = new StubbornUser();
        world.Graph.Attach(user, raw, "root", GraphWorld.Reading, NodeLink.AllPermissions);
        var draining = world.Graph.DrainAsync(file);
        Assert.False(draining.IsCompleted);
        world.Graph.Detach(user.Links[0]);
        GraphWorld.Done(draining).Dispose();
        Assert.Equal((1, 1), (user.QuiesceCount, user.ResumeCount));
    }

    [Fact]
    public void ChangesOfTheGraphTakeTurns()
    {
        var first = GraphWorld.Done(world.Graph.BeginChangeAsync());
        var second = world.Graph.BeginChangeAsync();
        Assert.False(second.IsCompleted);
        first.Dispose();
        first.Dispose();
        var third = world.Graph.BeginChangeAsync();
        Assert.False(third.IsCompleted);
        GraphWorld.Done(second).Dispose();
        GraphWorld.Done(third).Dispose();
    }

    // Becomes quiet when it is let go.
    private sealed class StubbornUser : NodeUser
    {
        private readonly TaskCompletionSource resumed = new();

        public override string Description => "stubborn";

        public int QuiesceCount { get; private set; }

        public int ResumeCount { get; private set; }

        public override ValueTask QuiesceAsync()
        {
            QuiesceCount++;
            return new(resumed.Task);
        }

        public override void Resume()
        {
            ResumeCount++;
            resumed.SetResult();
        }
    }
}
