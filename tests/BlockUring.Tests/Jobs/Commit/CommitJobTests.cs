using BlockUring.Graph;
using BlockUring.Graph.Throttling;
using BlockUring.Jobs;
using BlockUring.Jobs.Commit;
using BlockUring.Tests.Graph;
using Xunit;

namespace BlockUring.Tests.Jobs.Commit;

/// <summary>The commit of layers in the middle: which overlays it may change, which nodes it leaves, what it takes back.</summary>
public sealed class CommitJobTests : IDisposable
{
    private readonly GraphWorld world = new();
    private readonly List<JobEvent> events = [];
    private readonly JobList jobs;

    public CommitJobTests()
    {
        jobs = new JobList(events.Add);
        world.MakeQcow2("base");
        world.MakeQcow2("mid", "backing_file=base,backing_fmt=qcow2");
        world.MakeQcow2("top", "backing_file=mid,backing_fmt=qcow2");
        world.MakeQcow2("disk", "backing_file=top,backing_fmt=qcow2");
        world.MakeQcow2("other", "backing_file=top,backing_fmt=qcow2");
        Open("base", null, readOnly: false);
        world.Write(Node("base"), 0, 1 << 20, 1);
        Open("mid", "base", readOnly: false);
        world.Write(Node("mid"), 65536, 65536, 2);
        Open("top", "mid");
        Open("disk", "top", readOnly: false);
        GraphWorld.Done(GraphReopener.SetReadOnlyAsync(world.Graph, Node("mid"), readOnly: true));
        GraphWorld.Done(GraphReopener.SetReadOnlyAsync(world.Graph, Node("base"), readOnly: true));
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void Layers_are_moved_and_the_overlay_is_told()
    {
        Run(Request());
        Assert.Null(Outcome);
        Assert.Equal(Node("base"), Node("disk").BackingLink!.Node);
        Assert.Equal(("base", "qcow2"), HeaderOf("disk"));
        world.Expect(Node("base"), 65536, 65536, 2);
        Assert.True(Node("base").IsReadOnly);
        Assert.Equal(Node("mid"), Node("top").BackingLink!.Node);
    }

    [Fact]
    public void Nodes_without_a_name_are_closed()
    {
        world.Delete("disk");
        world.Delete("top");
        world.Delete("mid");
        world.Delete("base");
        Open("disk", null, readOnly: false, withChain: true);
        var top = Node("disk").BackingLink!.Node;
        Run(new CommitRequest(new JobSettings("j"), Node("disk"), top, NodeChain.Bottom(top)));
        Assert.Null(Outcome);
        Assert.Equal(["base", "disk"], world.Graph.Nodes.OfType<FormatNode>().Select(n => n.FileName).Order());
        Assert.Equal(Node("disk"), Node("disk").BackingLink!.Node.InheritsFrom);
    }

    [Theory]
    [InlineData("base", false)]
    [InlineData("mid", false)]
    [InlineData("base", true)]
    public void An_overlay_that_would_show_something_else_is_named(string below, bool hasFilter)
    {
        world.MakeQcow2("sibling", $"backing_file={below},backing_fmt=qcow2");
        if (hasFilter)
            PutFilterOn(below);
        Open("sibling", hasFilter ? "f" : below);
        var message = GraphWorld.Fails(CommitJob.CreateAsync(world.Graph, jobs, Request())).Message;
        Assert.StartsWith("Node 'sibling' has a backing file that this commit changes", message, StringComparison.Ordinal);
        Assert.Empty(jobs.All);
        Run(Request() with { InvalidatesOverlays = true });
        Assert.Null(Outcome);
    }

    [Fact]
    public void Overlays_of_top_behind_a_filter_are_told_too()
    {
        world.Delete("disk");
        PutFilterOn("top");
        Open("disk", "f", readOnly: false);
        Run(Request());
        Assert.Null(Outcome);
        Assert.Equal(("base", "qcow2"), HeaderOf("disk"));
        Assert.Equal(Node("base"), Node("f").Primary!.Node);
    }

    [Fact]
    public void When_one_header_cannot_be_written_all_stay_as_they_are()
    {
        Open("other", "top");
        world.Host.ReadOnlyPaths.Add("other");
        var before = Describe();
        Run(Request());
        Assert.NotNull(Outcome);
        Assert.Equal(("top", "qcow2"), HeaderOf("disk"));
        Assert.Equal(("top", "qcow2"), HeaderOf("other"));
        Assert.Equal(before, Describe());
        world.Host.ReadOnlyPaths.Clear();
        Run(Request());
        Assert.Null(Outcome);
        Assert.Equal(("base", "qcow2"), HeaderOf("other"));
        Assert.True(Node("other").IsReadOnly);
    }

    [Fact]
    public void A_name_that_no_header_holds_fails_the_job()
    {
        var before = Describe();
        Run(Request() with { BackingFile = new string('x', 2000) });
        Assert.Equal("Invalid argument", Outcome);
        Assert.Equal(before, Describe());
    }

    [Fact]
    public void Whoever_reads_a_layer_by_itself_is_in_the_way()
    {
        var user = world.Use(Node("mid"));
        var before = Describe();
        var message = GraphWorld.Fails(CommitJob.CreateAsync(world.Graph, jobs, Request())).Message;
        Assert.Contains("'consistent read'", message, StringComparison.Ordinal);
        Assert.Equal(before, Describe());
        Assert.Equal([JobStatus.Created, JobStatus.Null], events.OfType<JobEvent.StatusChange>().Select(e => e.Status));
        world.Graph.Detach(user.Links[0]);
    }

    [Fact]
    public void Whoever_reads_top_reads_the_base_afterwards()
    {
        var user = world.Use(Node("top"));
        Run(Request());
        Assert.Null(Outcome);
        Assert.Equal(Node("base"), user.Node);
    }

    [Fact]
    public void A_job_that_reads_top_keeps_the_commit_away()
    {
        NullJob.Create(world.Graph, jobs, new JobSettings("n"), Node("top"), JobErrorPolicy.Report).Start();
        Assert.Contains(
            "'consistent read'",
            GraphWorld.Fails(CommitJob.CreateAsync(world.Graph, jobs, Request())).Message,
            StringComparison.Ordinal);
        world.Scheduler.Advance(TimeSpan.FromSeconds(1));
        Run(Request());
        Assert.Null(Outcome);
    }

    [Fact]
    public void What_is_above_a_writer_is_an_active_commit()
    {
        Assert.False(Request().IsActive);
        Assert.True((Request() with { Top = Node("disk") }).IsActive);
        GraphWorld.Done(GraphReopener.SetReadOnlyAsync(world.Graph, Node("mid"), readOnly: false));
        world.Delete("disk");
        world.Delete("top");
        var request = new CommitRequest(new JobSettings("j"), Node("mid"), Node("mid"), Node("base"));
        Assert.True(request.TopIsActiveLayer);
        world.Use(Node("mid"), GraphWorld.Writing);
        Assert.True(request.TopHasWriter);
    }

    [Fact]
    public void The_whole_of_it_at_once_empties_the_disk()
    {
        world.Write(Node("disk"), 0, 1000, 7);
        var user = world.Use(Node("disk"), GraphWorld.Writing);
        var request = new CommitRequest(new JobSettings("j"), Node("disk"), Node("disk"), Node("top"));
        var done = 0L;
        GraphWorld.Done(OfflineCommit.RunAsync(world.Graph, request, empties: true, bytes => done += bytes));
        Assert.Equal(1 << 20, done);
        world.Expect(Node("disk"), 0, 1000, 7);
        world.Expect(Node("top"), 0, 1000, 7);
        Assert.False(GraphWorld.Done(Node("disk").GetLayerStatusAsync(0, 1 << 20)).IsAllocated);
        Assert.True(Node("top").IsReadOnly);
        Assert.Equal(Node("top"), Node("disk").BackingLink!.Node);
        world.Graph.Detach(user.Links[0]);
    }

    private string? Outcome => events.OfType<JobEvent.Completed>().Last().Error;

    private CommitRequest Request() => new(new JobSettings("j"), Node("disk"), Node("top"), Node("base"));

    private void Run(CommitRequest request)
    {
        GraphWorld.Done(CommitJob.CreateAsync(world.Graph, jobs, request)).Start();
        world.Scheduler.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(jobs.All);
    }

    private void PutFilterOn(string name)
    {
        var group = new ThrottleGroup(world.Scheduler, "g", ThrottleLimits.None);
        world.Graph.FindObject = (_, _) => group;
        world.Add($"{{'driver':'throttle','node-name':'f','file':'{name}','throttle-group':'g','read-only':true}}");
    }

    private BlockNode Node(string name) => world.Graph.Find(name);

    private void Open(string name, string? backing, bool readOnly = true, bool withChain = false)
    {
        var below = withChain ? "" : backing == null ? ",'backing':null" : $",'backing':'{backing}'";
        world.Add(
            $"{{'driver':'qcow2','node-name':'{name}','read-only':{(readOnly ? "true" : "false")},'file':{{'driver':'file','filename':'{name}'}}{below}}}");
    }

    private (string?, string?) HeaderOf(string name)
    {
        var format = ((FormatNode)Node(name)).Image.Format;
        return (format.BackingFileName, format.BackingFormat);
    }

    private string Describe() => string.Join('\n', world.Graph.Nodes.Select(n =>
        $"{n.Name} {n.IsReadOnly} {n.Blockers.All.Count()}" +
        string.Concat(n.Parents.Select(l => $"; {l.Owner.Description} {l.Name} {l.Needed} {l.Shared} {l.IsFrozen}").Order())));
}
