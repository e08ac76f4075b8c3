using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Jobs;
using BlockUring.Jobs.Backup;
using BlockUring.Jobs.Stream;
using BlockUring.Storage;
using BlockUring.Tests.Graph;
using Xunit;

namespace BlockUring.Tests.Jobs;

/// <summary>The stream job over a chain of four images of 1 MiB: what it asks for, blocks, leaves and writes.</summary>
public sealed class StreamJobTests : IDisposable
{
    private const int Cluster = 65536;

    private readonly GraphWorld world = new();
    private readonly List<JobEvent> events = [];
    private readonly JobList jobs;

    public StreamJobTests()
    {
        jobs = new JobList(events.Add);
        MakeChain();
        AddChain();
    }

    public void Dispose() => world.Dispose();

    [Fact]
    public void TheWholeChainComesIntoTheTopAndTheHeaderNamesNone()
    {
        Assert.Null(Run(new StreamRequest(Settings, Node("top"))));
        Assert.Equal("1111000", Held("top", 7));
        Assert.Null(Node("top").BackingLink);
        Assert.Null(NameIn("top"));
        ExpectContent();
    }

    [Fact]
    public void ABaseStaysAndItsDataIsNotCopied()
    {
        Assert.Null(Run(new StreamRequest(Settings, Node("top")) { Base = Node("a") }));
        Assert.Equal("0011000", Held("top", 7));
        Assert.Same(Node("a"), Node("top").BackingLink!.Node);
        Assert.Equal("a", NameIn("top"));
        ExpectContent();
    }

    [Fact]
    public void ABottomIsTheLastThatIsTaken()
    {
        Assert.Null(Run(new StreamRequest(Settings, Node("top")) { Bottom = Node("a") }));
        Assert.Equal("0111000", Held("top", 7));
        Assert.Equal("base", NameIn("top"));
        ExpectContent();
    }

    [Fact]
    public void AnotherNameIsWrittenForTheBase()
    {
        Assert.Null(Run(new StreamRequest(Settings, Node("top")) { Base = Node("a"), BackingFile = "other" }));
        Assert.Equal("other", NameIn("top"));
        Assert.Same(Node("a"), Node("top").BackingLink!.Node);
    }

    [Fact]
    public void ALayerInTheMiddleIsFilledAndReadOnlyAgainAfterwards()
    {
        Assert.Null(Run(new StreamRequest(Settings, Node("b")) { Base = Node("base") }));
        Assert.Equal("0110000", Held("b", 7));
        Assert.Equal("base", NameIn("b"));
        Assert.Equal("b", NameIn("top"));
        Assert.True(Node("b").IsReadOnly);
        ExpectContent();
    }

    [Fact]
    public void BitmapsOfTheTopRecordNothing()
    {
        var bitmap = Node("top").Bitmaps.Create("m", Node("top").Length, Cluster);
        Assert.Null(Run(new StreamRequest(Settings, Node("top"))));
        Assert.True(bitmap.IsAllClean);
    }

    [Fact]
    public void ZeroesThatHideSomethingAreKeptWithoutData()
    {
        world.Delete("top");
        world.Delete("b");
        Zero("b", 0);
        AddLayer("b", "a", isReadOnly: true);
        AddLayer("top", "b", isReadOnly: false);
        Assert.Null(Run(new StreamRequest(Settings, Node("top")) { Base = Node("base") }));
        world.Expect(Node("top"), 0, Cluster, 0);
        Assert.True(GraphWorld.Done(Node("top").GetLayerStatusAsync(0, Cluster)) is { IsZero: true, IsData: false, IsAllocated: true });
    }

    [Fact]
    public void WhatAShortLayerHidesStaysHidden()
    {
        world.MakeQcow2("deep");
        world.MakeQcow2("short", "backing_file=deep,backing_fmt=qcow2", Cluster);
        world.MakeQcow2("long", "backing_file=short,backing_fmt=qcow2");
        Fill("deep", 0, 1);
        Fill("deep", 5 * Cluster, 7);
        world.Add("{'driver':'qcow2','node-name':'deep','read-only':true,'file':{'driver':'file','filename':'deep'}}");
        AddLayer("short", "deep", isReadOnly: true);
        AddLayer("long", "short", isReadOnly: false);
        Assert.Null(Run(new StreamRequest(Settings, Node("long")) { Base = Node("deep") }));
        world.Expect(Node("long"), Cluster, (1 << 20) - Cluster, 0);
        world.Expect(Node("long"), 0, Cluster, 1);
    }

    [Fact]
    public void WhatItNeedsIsBlockedAndTheRestIsNot()
    {
        var job = Start(new StreamRequest(Settings with { AutoFinalize = false }, Node("top")) { Base = Node("a") });
        Assert.Equal(JobStatus.Pending, job.Status);
        foreach (var name in (string[])["top", "b"])
        {
            Assert.Equal(
                $"Node '{name}' is busy: block device is in use by block job: stream",
                Assert.Throws<BlockException>(() => Node(name).Blockers.Demand(name, NodeOperation.Stream)).Message);
            Assert.Throws<BlockException>(() => Node(name).Blockers.Demand(name, NodeOperation.CommitSource));
            Node(name).Blockers.Demand(name, NodeOperation.BackupSource | NodeOperation.MirrorSource);
        }

        Node("a").Blockers.Demand("a", NodeOperation.Stream | NodeOperation.CommitTarget | NodeOperation.CommitSource);
        Assert.Equal(
            "Cannot change frozen 'backing' link from 'top' to 'b'",
            GraphWorld.Fails(GraphEditor.SetBackingAsync(world.Graph, Node("top"), Node("a"))).Message);

        // The base may be another one at the end.
        GraphWorld.Done(GraphEditor.SetBackingAsync(world.Graph, Node("a"), null));
        Finish(job);
        Assert.Same(Node("a"), Node("top").BackingLink!.Node);
        Assert.DoesNotContain(Node("b").Blockers.All, b => b.User.Contains("stream", StringComparison.Ordinal));
    }

    [Fact]
    public void ALinkThatSomebodyReliesOnIsNotForAStream()
    {
        world.Add("{'driver':'copy-on-read','node-name':'c','file':'top','bottom':'b'}");
        Assert.Equal(
            "Cannot change frozen 'backing' link from 'top' to 'b'",
            GraphWorld.Fails(StreamJob.CreateAsync(world.Graph, jobs, new StreamRequest(Settings, Node("top")))).Message);
        Assert.Empty(events);
    }

    [Fact]
    public void TheBaseIsWhatIsBelowAtTheEnd()
    {
        var job = Start(new StreamRequest(Settings with { AutoFinalize = false }, Node("top")) { Bottom = Node("b") });
        GraphWorld.Done(GraphEditor.SetBackingAsync(world.Graph, Node("b"), Node("base")));
        Finish(job);
        Assert.Same(Node("base"), Node("top").BackingLink!.Node);
        Assert.Equal("base", NameIn("top"));
    }

    [Fact]
    public void ABackupOfTheTopMayBeginMeanwhile()
    {
        world.MakeRaw("t");
        var target = world.Add("{'driver':'raw','node-name':'t','file':{'driver':'file','filename':'t'}}");
        var user = world.Use(Node("top"), GraphWorld.Writing);
        var job = Start(new StreamRequest(Settings with { AutoFinalize = false }, Node("top")));
        var request = new BackupRequest(new JobSettings("k"), Node("top"), target);
        GraphWorld.Done(BackupJob.CreateAsync(world.Graph, jobs, request)).Start();
        Finish(job);
        Assert.Empty(jobs.All);
        Assert.Same(Node("top"), user.Node);
        world.Expect(target, Cluster, Cluster, 2);
    }

    [Fact]
    public void AGuestReadsWhatCannotBeStoredMeanwhile()
    {
        var user = world.Use(Node("top"));
        var job = GraphWorld.Done(StreamJob.CreateAsync(world.Graph, jobs, new StreamRequest(Settings, Node("top"))));
        job.Pause();
        job.Start();
        Assert.IsType<CopyOnReadNode>(user.Node);

        // A layer that is held has its table in memory afterwards, so that the next request of its file is that of the copy.
        world.Expect(user.Node, 3 * Cluster, Cluster, 4);
        var file = world.Host["top"];
        file.FailsIn = 1;
        world.Expect(user.Node, 0, Cluster, 1);
        Assert.Equal(0, file.FailsIn);
        Assert.Equal("0001", Held("top", 4));
        world.Expect(user.Node, 0, Cluster, 1);
        job.Resume();
        world.Scheduler.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(job.Error);
        ExpectContent();
    }

    [Fact]
    public void WithoutANameForTheBaseNothingIsBegun()
    {
        world.MakeRaw("part");
        world.Add("{'driver':'raw','node-name':'part','offset':65536,'file':{'driver':'file','filename':'part'}}");
        world.MakeQcow2("x");
        world.MakeQcow2("y");
        world.Add("{'driver':'qcow2','node-name':'x','backing':'part','file':{'driver':'file','filename':'x'}}");
        world.Add("{'driver':'qcow2','node-name':'y','backing':'x','file':{'driver':'file','filename':'y'}}");
        var request = new StreamRequest(Settings, Node("y")) { Base = Node("part") };
        Assert.Equal(
            "Node 'part' has no file name that an image could refer to; specify 'backing-file'",
            GraphWorld.Fails(StreamJob.CreateAsync(world.Graph, jobs, request)).Message);
        Assert.Empty(events);
        Assert.Null(Run(request with { BackingFile = "json:{}" }));
    }

    [Fact]
    public void AHeaderThatCannotBeWrittenLeavesAllAsItWas()
    {
        var succeeded = false;
        for (var failing = 1; !succeeded; failing++)
        {
            using var other = new StreamJobTests();
            succeeded = other.FailsToFinish(failing);
        }
    }

    private bool FailsToFinish(int failing)
    {
        var job = Start(new StreamRequest(Settings with { AutoFinalize = false }, Node("top")));
        var file = world.Host["top"];
        var before = new byte[Cluster];
        world.Host.Content("top").Read(0, before);
        var count = file.Log.Count;
        file.FailsIn = failing;
        Finish(job);
        var isOver = file.FailsIn > 0;
        file.FailsIn = 0;
        Assert.DoesNotContain(world.Graph.Nodes, n => n is CopyOnReadNode);
        ExpectContent();
        if (job.Error == null)
        {
            Assert.Null(Node("top").BackingLink);
            Assert.True(failing > 3, string.Join(", ", file.Log.Skip(count)));
            return isOver;
        }

        Assert.Equal("No space left on device", job.Error);
        Assert.Same(Node("b"), Node("top").BackingLink!.Node);
        Assert.Equal("b", NameIn("top"));
        var after = new byte[Cluster];
        world.Host.Content("top").Read(0, after);
        Assert.Equal(before, after);
        return false;
    }

    private static JobSettings Settings => new("j");

    private BlockNode Node(string name) => world.Graph.Find(name);

    private string? NameIn(string name) => ((FormatNode)Node(name)).Image.Format.BackingFileName;

    private void MakeChain()
    {
        world.MakeQcow2("base");
        world.MakeQcow2("a", "backing_file=base,backing_fmt=qcow2");
        world.MakeQcow2("b", "backing_file=a,backing_fmt=qcow2");
        world.MakeQcow2("top", "backing_file=b,backing_fmt=qcow2");
        Fill("base", 0, 1);
        Fill("a", Cluster, 2);
        Fill("b", 2 * Cluster, 3);
        Fill("top", 3 * Cluster, 4);
    }

    private void AddChain()
    {
        world.Add("{'driver':'qcow2','node-name':'base','read-only':true,'file':{'driver':'file','filename':'base'}}");
        AddLayer("a", "base", isReadOnly: true);
        AddLayer("b", "a", isReadOnly: true);
        AddLayer("top", "b", isReadOnly: false);
    }

    private void AddLayer(string name, string backing, bool isReadOnly) => world.Add(
        $"{{'driver':'qcow2','node-name':'{name}','read-only':{(isReadOnly ? "true" : "false")},'backing':'{backing}'," +
        $"'file':{{'driver':'file','filename':'{name}'}}}}");

    private StreamJob Start(StreamRequest request)
    {
        var job = GraphWorld.Done(StreamJob.CreateAsync(world.Graph, jobs, request));
        job.Start();
        world.Scheduler.Advance(TimeSpan.FromSeconds(1));
        return job;
    }

    private string? Run(StreamRequest request)
    {
        var job = Start(request);
        Assert.Empty(jobs.All);
        Assert.DoesNotContain(world.Graph.Nodes, n => n.IsFilter || n.Children.Any(l => l.IsFrozen));
        return job.Error;
    }

    private void Finish(StreamJob job)
    {
        world.Scheduler.Detach(job.FinalizeAsync());
        world.Scheduler.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(JobStatus.Null, job.Status);
    }

    private void Fill(string path, long offset, byte value) => Change(path, n => world.Write(n, offset, Cluster, value));

    private void Zero(string path, long offset) => Change(path, n => GraphWorld.Done(n.WriteZeroesAsync(offset, Cluster)));

    private void Change(string path, Action<BlockNode> change)
    {
        change(world.Add($"{{'driver':'qcow2','node-name':'fill','file':{{'driver':'file','filename':'{path}'}}}}"));
        world.Delete("fill");
    }

    private void ExpectContent()
    {
        for (byte i = 0; i < 4; i++)
            world.Expect(Node("top"), i * Cluster, Cluster, (byte)(i + 1));
        world.Expect(Node("top"), 4 * Cluster, (1 << 20) - (4 * Cluster), 0);
    }

    // A digit a cluster: whether the layer holds it.
    private string Held(string name, int count) => string.Concat(Enumerable.Range(0, count)
        .Select(i => GraphWorld.Done(Node(name).GetLayerStatusAsync((long)i * Cluster, Cluster)).IsAllocated ? '1' : '0'));
}
