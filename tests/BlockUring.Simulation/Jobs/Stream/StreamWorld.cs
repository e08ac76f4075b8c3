using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Jobs;
using BlockUring.Jobs.Stream;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Images;
using BlockUring.Simulation.Images.Qcow2;
using BlockUring.Simulation.Jobs.Backup;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Jobs.Stream;

/// <summary>Streams in a chain of images of all kinds, while guests write to its active layer and users do what comes to their minds.</summary>
internal sealed class StreamWorld : ISimulatedWorld
{
    private const int MaxStarts = 3;

    private readonly Random random;
    private readonly BufferPool buffers = new(256 << 20, 1 << 20);
    private readonly SimulatedScheduler scheduler;
    private readonly TestImages images;
    private readonly SimulatedDisk disk;
    private readonly SimulatedHost host;
    private readonly BlockGraph graph;
    private readonly JobList jobs;
    private readonly DiskUser guest = new("guest");
    private readonly List<StreamRun> runs = [];

    // The active layer first.
    private readonly List<StreamLayer> chain = [];
    private readonly DiskModel model;
    private readonly GuestModel durable;
    private readonly int minClusterBits;
    private readonly bool isFaulty;
    private readonly bool cutsPower;
    private readonly bool isNamed;
    private bool mayFail;

    public StreamWorld(int seed, bool cutsPower)
    {
        this.cutsPower = cutsPower;
        random = new Random(seed);
        scheduler = new SimulatedScheduler(seed, buffers) { EarlyDelayShare = random.Next(3) * 0.05 };
        disk = new SimulatedDisk(seed + 1, scheduler) { ImmediateShare = random.Next(3) * 0.3 };
        isFaulty = !cutsPower && random.Next(2) == 0;
        isNamed = random.Next(2) == 0;
        minClusterBits = random.Next(3) == 0 ? 9 : random.Next(9, 17);
        images = new TestImages(buffers, random);
        for (var count = random.Next(1, 6); count > 0; count--)
            Make($"l{count}");
        var content = images.Read(Active.Path, Active.Format);
        (model, durable) = (new DiskModel(content), new GuestModel(content, content.Length, []));
        host = new SimulatedHost(buffers, images.Files.ToDictionary(), disk) { ReportsHoles = random.Next(2) == 0 };
        graph = new BlockGraph(scheduler, host);
        jobs = new JobList(Take);
        if (cutsPower && random.Next(2) == 0)
            disk.CutAt = random.Next(1, 3000);
    }

    private StreamLayer Active => chain[0];

    public override string ToString() =>
        $"{string.Join(" over ", chain)}, {model.Length}{(isFaulty ? ", faults" : "")}{(isNamed ? ", named" : "")}\n{string.Join('\n', runs)}";

    public void Dispose() => buffers.Dispose();

    public void Run()
    {
        scheduler.Run(RunAsync, () => disk.IsCut);
        var after = disk.IsCut ? images.With(host.AfterPowerCut(random)) : images;
        foreach (var layer in chain.Where(l => l.Format == "qcow2"))
            Assert.Empty(ImageCheck.Of(after.Files[layer.Path]).Errors);
        var actual = after.Read(Active.Path, Active.Format);
        if (cutsPower)
            Assert.Null(durable.FirstImpossible(actual));
        else
            Assert.Equal(-1, model.Now.FirstDifference(0, actual));
        if (disk.IsCut)
            return;
        Assert.All(runs, r => Assert.True(r.HasConcluded));
        foreach (var layer in chain.Where(l => l.Format == "qcow2"))
            Assert.Contains(HeaderOf(after.Files[layer.Path]).BackingFileName, PossibleNames(layer));
        Assert.Equal(0, buffers.RentedBytes);
    }

    // What failed to change a header may have failed to undo that, too.
    private IEnumerable<string?> PossibleNames(StreamLayer layer) =>
        runs.Where(r => isFaulty && r.Top == layer && r.Job!.Error != null).Select(r => r.Below).Append(layer.Backing).Select(l => l?.Path);

    private static Qcow2Header HeaderOf(MemoryFile file)
    {
        var head = new byte[65536];
        file.Read(0, head);
        return Qcow2HeaderParser.Parse(head);
    }

    private void Make(string name)
    {
        var below = chain.FirstOrDefault();
        var clusterBits = random.Next(minClusterBits, 22);

        // Why of all lengths: the header above holds the name, maybe in more sectors than one.
        var path = $"/sim/{new string('d', random.Next(2) * random.Next(minClusterBits < 12 ? 40 : 900))}/{name}";
        var layer = new StreamLayer(name, below == null && random.Next(2) == 0 ? "raw" : "qcow2", path) { Backing = below };
        var length = (random.Next(1, 30) * 65536L) - (random.Next(2) == 0 ? 512 * random.Next(128) : 0);
        var compat = random.Next(4) == 0 ? "0.10" : "1.1";
        images.Create(layer.Path, layer.Format, length, 1 << clusterBits, below?.Path, below?.Format ?? "raw", compat);
        images.Fill(layer.Path, layer.Format, random.Next(4) * 0.25);
        chain.Insert(0, layer);
    }

    private async Task RunAsync()
    {
        await OpenAsync();
        var link = graph.Attach(guest, Active.NodeIn(graph)!, "root", NodeLink.AllPermissions & ~ImagePermissions.Resize, NodeLink.AllPermissions);
        var before = Describe();
        var guests = MakeGuests();
        mayFail = isFaulty;
        disk.FailShare = isFaulty ? random.Next(1, 8) * 0.005 : 0;
        var users = new BackupUsers(scheduler, graph, jobs, random, [disk]);
        for (var start = 0; start < MaxStarts; start++)
        {
            await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(100)));
            await StartAsync(start);
            if (random.Next(3) > 0)
                await users.RunAsync(random.Next(25));
        }

        foreach (var task in guests)
            await task;
        disk.FailShare = 0;
        await users.BringAllToTheirEndsAsync();
        Assert.Empty(jobs.All);
        Assert.All(chain, l => Assert.True(l.Untouched?.IsAllClean != false));
        if (runs.TrueForAll(r => r.Job!.Error != null))
            Assert.Equal(before, Describe());
        graph.Detach(link);
        await CloseAsync();
    }

    private Task[] MakeGuests()
    {
        List<(long Start, long End)> inFlight = [];
        return [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => cutsPower
            ? new FlushingGuest(scheduler, guest, durable, inFlight, random.Next()).RunAsync(random.Next(20, 120))
            : new GuestWriter(scheduler, guest, model, random.Next()) { MayFail = () => mayFail }.RunAsync(random.Next(20, 120)))];
    }

    // By name each, or the active layer alone, which brings the others along.
    private async Task OpenAsync()
    {
        foreach (var layer in isNamed ? Enumerable.Reverse(chain) : chain.Take(1))
        {
            var discards = random.Next(2) == 0 ? "discard=unmap,file.discard=unmap" : "discard=ignore";
            var access = layer == Active ? discards : "read-only=on";
            var backing = isNamed && layer.Backing is { } below ? $",backing={below.Name}" : "";
            await GraphOpener.AddAsync(graph, OptionTree.ParseKeyValues(
                $"driver={layer.Format},node-name={layer.Name},{access},file.driver=file,file.filename={layer.Path}{backing}"));
        }

        foreach (var layer in chain.Skip(1).Where(_ => random.Next(2) == 0))
        {
            var node = layer.NodeIn(graph)!;
            layer.Untouched = node.Bitmaps.Create("b", node.Length, 65536);
        }
    }

    private async Task StartAsync(int number)
    {
        using var change = await graph.BeginChangeAsync();
        var layers = chain.Where(l => l.NodeIn(graph) != null).ToList();
        var top = layers[random.Next(layers.Count)];
        var path = NodeChain.From(top.NodeIn(graph)!).Where(n => !n.IsFilter).Skip(1).Select(n => chain.Find(l => l.Path == n.FileName)!).ToList();
        var below = path.Count > 0 && random.Next(2) == 0 ? path[random.Next(path.Count)] : null;
        var bottom = below == null || random.Next(3) > 0 ? null : path.Prepend(top).ElementAt(path.IndexOf(below));
        var settings = new JobSettings($"j{number}")
        {
            AutoFinalize = random.Next(3) > 0,
            AutoDismiss = random.Next(3) > 0,
            Speed = random.Next(4) == 0 ? random.Next(1 << 20, 64 << 20) : 0,
        };
        var run = new StreamRun(
            new StreamRequest(settings, top.NodeIn(graph)!)
            {
                Base = bottom == null ? below?.NodeIn(graph) : null,
                Bottom = bottom?.NodeIn(graph),
                OnError = (JobErrorPolicy)random.Next(5),
                FilterName = random.Next(2) == 0 ? $"f{number}" : null,
            },
            top,
            below);
        runs.Add(run);
        try
        {
            run.Job = await StreamJob.CreateAsync(graph, jobs, run.Request);
            run.Job.Start();
        }
        catch (BlockException e) when (e.Kind == BlockErrorKind.Locked || mayFail)
        {
            runs.Remove(run);
        }
    }

    private void Take(JobEvent happened)
    {
        runs.Find(r => r.Id == happened.JobId)!.Take(happened);
        if (cutsPower && disk.CutAt == 0 && happened is JobEvent.StatusChange { Status: JobStatus.Pending })
            disk.CutAt = disk.RequestCount + random.Next(1, 40);
    }

    // Everything in the graph that a job may have left something at.
    private string Describe()
    {
        graph.SolvePermissions();
        return string.Join('\n', graph.Nodes.Select(n =>
            $"{n.Name} {n.DriverName} {n.IsReadOnly}, blockers {n.Blockers.All.Count()}" +
            string.Concat(n.Parents.Select(l => $"; {l.Owner.Description} as {l.Name} {l.Role}: {l.Needed} / {l.Shared} {l.IsFrozen}"))));
    }

    private async Task CloseAsync()
    {
        Assert.DoesNotContain(graph.Nodes, n => n.IsFilter || n.Children.Any(l => l.IsFrozen));
        foreach (var layer in isNamed ? chain : chain.Take(1))
            await GraphOpener.DeleteAsync(graph, layer.Name);
        Assert.Empty(graph.Nodes);
    }
}
