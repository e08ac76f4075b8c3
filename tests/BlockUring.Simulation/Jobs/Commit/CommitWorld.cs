using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Jobs.Commit;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Images.Qcow2;
using BlockUring.Simulation.Jobs.Backup;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Jobs.Commit;

/// <summary>
/// A commit in the middle of a random chain, under one or more overlays that guests read and write, on devices that reorder, fail or lose power,
/// while users do what comes to their minds.
/// </summary>
internal sealed class CommitWorld : ISimulatedWorld
{
    private readonly Random random;
    private readonly BufferPool buffers = new(256 << 20, 1 << 20);
    private readonly SimulatedScheduler scheduler;
    private readonly TestImages images;
    private readonly SimulatedDisk baseDisk;
    private readonly SimulatedDisk disk;
    private readonly SimulatedHost baseHost;
    private readonly SimulatedHost host;
    private readonly BlockGraph graph;
    private readonly JobList jobs;
    private readonly List<CommitLayer> chain = [];
    private readonly List<CommitLayer> overlays = [];
    private readonly int baseIndex;
    private readonly int topIndex;
    private readonly bool cutsPower;
    private readonly bool isFaulty;
    private readonly List<NodeLink> links = [];
    private CommitRequest request = null!;
    private CommitJob? job;
    private bool hasSucceeded;
    private bool mayFail;
    private bool hasWarned;
    private long lastOffset;
    private string told = "";

    public CommitWorld(int seed, bool cutsPower)
    {
        this.cutsPower = cutsPower;
        random = new Random(seed);
        scheduler = new SimulatedScheduler(seed, buffers) { EarlyDelayShare = random.Next(3) * 0.05 };
        baseDisk = new SimulatedDisk(seed + 1, scheduler) { ImmediateShare = random.Next(3) * 0.3 };
        disk = new SimulatedDisk(seed + 2, scheduler) { ImmediateShare = random.Next(3) * 0.3 };
        isFaulty = !cutsPower && random.Next(2) == 0;
        images = new TestImages(buffers, random);
        var maker = new CommitChainMaker(images, random);
        for (var count = random.Next(2, 6); count > 0; count--)
            chain.Add(maker.Make(chain.LastOrDefault()));
        topIndex = random.Next(1, chain.Count);
        baseIndex = random.Next(topIndex);
        chain.RemoveRange(topIndex + 1, chain.Count - topIndex - 1);
        for (var count = random.Next(1, 4); count > 0; count--)
            overlays.Add(maker.Make(Top));
        if (random.Next(2) == 0)
            overlays[0] = maker.Make(overlays[0]);
        ChooseNames();
        var reportsHoles = random.Next(2) == 0;
        baseHost = new SimulatedHost(buffers, Part("/base/"), baseDisk) { ReportsHoles = reportsHoles };
        host = new SimulatedHost(buffers, Part("/sim/"), disk) { ReportsHoles = reportsHoles };
        graph = new BlockGraph(scheduler, new JoinedHost(baseHost, host)) { Warn = _ => hasWarned = true };
        jobs = new JobList(Take);
    }

    private CommitLayer Top => chain[topIndex];

    private CommitLayer Base => chain[baseIndex];

    // The overlays over top itself.
    private IEnumerable<CommitLayer> Direct => overlays.Select(o => o.Backing == Top ? o : o.Backing!);

    private bool IsCut => disk.IsCut;

    public override string ToString() =>
        $"{string.Join(" <- ", chain)}; overlays {string.Join(", ", overlays.Select(o => o.Backing == Top ? $"{o}" : $"{o} over {o.Backing}"))}; " +
        $"{Top.Name} into {Base.Name}{(isFaulty ? ", faults" : "")}, {request?.OnError}, {(hasSucceeded ? "success" : told)}";

    public void Dispose() => buffers.Dispose();

    public void Run()
    {
        scheduler.Run(RunAsync, () => IsCut);
        var judged = images;
        if (IsCut)
        {
            var files = baseHost.AfterPowerCut(random);
            foreach (var (path, file) in host.AfterPowerCut(random))
                files.Add(path, file);
            judged = images.With(files);
        }
        else
        {
            Assert.Equal(0, buffers.RentedBytes);
        }

        Judge(judged);
    }

    private static long Max(long a, long b) => Math.Max(a, b);

    private Dictionary<string, MemoryFile> Part(string folder) =>
        images.Files.Where(f => f.Key.StartsWith(folder, StringComparison.Ordinal)).ToDictionary();

    // A node that several refer to has to have a name; where one has, those above have one, too.
    private void ChooseNames()
    {
        var first = random.Next(overlays.Count > 1 ? chain.Count : chain.Count + 1);
        for (var i = first; i < chain.Count; i++)
            chain[i].IsNamed = true;
        foreach (var layer in Direct)
            layer.IsNamed = Top.IsNamed || random.Next(2) == 0;
        foreach (var layer in overlays)
            layer.IsNamed = true;
    }

    private async Task RunAsync()
    {
        foreach (var overlay in overlays)
            await OpenAsync(overlay, isTop: true);
        var guests = overlays.SelectMany(StartGuests).ToArray();
        var before = Describe();
        await StartAsync();
        mayFail = isFaulty;
        baseDisk.FailShare = isFaulty ? random.Next(3) * 0.02 : 0;
        disk.FailShare = isFaulty ? random.Next(3) * 0.01 : 0;
        if (isFaulty && random.Next(3) == 0)
            (random.Next(2) == 0 ? disk : baseDisk).FailAt = disk.RequestCount + random.Next(1, 100);
        if (cutsPower)
            disk.CutAt = disk.RequestCount + random.Next(1, 200);
        var users = new BackupUsers(scheduler, graph, jobs, random, [baseDisk, disk]);
        await users.RunAsync(random.Next(25));
        foreach (var guest in guests)
            await guest;
        (baseDisk.FailShare, disk.FailShare, baseDisk.FailAt, disk.FailAt) = (0, 0, 0, 0);
        await users.BringAllToTheirEndsAsync();
        if (cutsPower && random.Next(2) == 0)
        {
            disk.Cut();
            return;
        }

        disk.CutAt = 0;
        JudgeGraph(before);
        await CloseAsync();
    }

    private async Task OpenAsync(CommitLayer layer, bool isTop)
    {
        if (layer.Node != null)
            return;
        var backing = layer.Backing;
        if (backing is { IsNamed: true })
            await OpenAsync(backing, isTop: false);
        var readOnly = !isTop || random.Next(4) == 0 ? ",read-only=on" : "";
        var below = backing is { IsNamed: true } ? $",backing={backing.Name}" : "";
        layer.Node = await GraphOpener.AddAsync(graph, OptionTree.ParseKeyValues(
            $"driver={layer.Format},node-name={layer.Name},discard=unmap,file.driver=file,file.filename={layer.Path}{below}{readOnly}"));
    }

    private IEnumerable<Task> StartGuests(CommitLayer overlay)
    {
        var isWriter = !overlay.Node!.IsReadOnly && !cutsPower && random.Next(4) > 0;
        overlay.Guest = new DiskUser($"guest of {overlay.Name}");
        links.Add(graph.Attach(
            overlay.Guest,
            overlay.Node,
            "root",
            isWriter ? NodeLink.AllPermissions & ~ImagePermissions.Resize : ImagePermissions.ConsistentRead,
            NodeLink.AllPermissions));
        for (var count = isWriter ? random.Next(1, 3) : 0; count > 0; count--)
        {
            var writer = new GuestWriter(scheduler, overlay.Guest, overlay.Model, random.Next()) { MayFail = () => mayFail };
            yield return writer.RunAsync(random.Next(10, 80));
        }
    }

    private async Task StartAsync()
    {
        using var change = await graph.BeginChangeAsync();
        var device = overlays[random.Next(overlays.Count)].Node!;
        var top = NodeChain.From(device).Single(n => n.FileName == Top.Path);
        var bottom = NodeChain.From(top).Single(n => n.FileName == Base.Path);
        var settings = new JobSettings("j")
        {
            AutoFinalize = random.Next(3) > 0,
            AutoDismiss = random.Next(3) > 0,
            Speed = random.Next(4) == 0 ? random.Next(1 << 20, 64 << 20) : 0,
        };
        request = new CommitRequest(settings, device, top, bottom)
        {
            OnError = (JobErrorPolicy)random.Next(5),
            FilterName = random.Next(2) == 0 ? "filter" : null,
        };
        Assert.False(request.IsActive);
        job = await CommitJob.CreateAsync(graph, jobs, request);
        job.Start();
    }

    private void Take(JobEvent happened)
    {
        switch (happened)
        {
            case JobEvent.Completed completed:
                hasSucceeded = completed.Error == null;
                told = completed.Error ?? "";
                Assert.True(completed.Offset <= completed.Length);
                if (hasSucceeded)
                    Assert.Equal(Top.View.Length, completed.Offset);
                break;
            case JobEvent.IoError error:
                Assert.True(request.OnError != JobErrorPolicy.Ignore || error.Action == JobErrorAction.Ignore);
                Assert.True(request.OnError != JobErrorPolicy.Report || error.Action == JobErrorAction.Report);
                break;
        }

        if (job == null)
            return;
        Assert.True(job.Progress.Current >= lastOffset);
        lastOffset = job.Progress.Current;
    }

    private void JudgeGraph(string before)
    {
        Assert.True(isFaulty || !hasWarned);
        if (!hasSucceeded)
            Assert.Equal(before, Describe());
        if (!hasSucceeded)
            return;

        var nodes = graph.Nodes.ToDictionary(n => n.FileName + (n is FormatNode ? "" : " file"));
        foreach (var layer in Direct)
            Assert.Equal(nodes[Base.Path], nodes[layer.Path].BackingLink!.Node);
        for (var i = baseIndex + 1; i < chain.Count; i++)
            Assert.Equal(chain.Skip(i).Any(l => l.IsNamed), nodes.ContainsKey(chain[i].Path));
        Assert.DoesNotContain(graph.Nodes, n => n.IsFilter || n.Blockers.All.Any(b => b.Reason.Contains("commit", StringComparison.Ordinal)));
        Assert.True(isFaulty || nodes[Base.Path].IsReadOnly);
    }

    // What the images show, opened anew by what their headers say; the base after a success, too.
    private void Judge(TestImages judged)
    {
        foreach (var layer in chain.Concat(overlays).Concat(Direct).Distinct().Where(l => l.Format == "qcow2"))
        {
            var check = ImageCheck.Of(judged.Files[layer.Path]);
            Assert.True(check.Errors.Count == 0, $"{layer}: {string.Join("; ", check.Errors)}");
        }

        foreach (var overlay in overlays)
        {
            var at = overlay.Model.Now.FirstDifference(0, judged.Read(overlay.Path, "qcow2"));
            Assert.True(at < 0, $"{overlay} shows something else at {at}");
        }

        foreach (var layer in overlays.Contains(Direct.First()) ? [] : Direct.Except(overlays))
            Assert.True(judged.Read(layer.Path, "qcow2").AsSpan().SequenceEqual(layer.View), $"{layer} shows something else");
        Assert.True(judged.Read(Top.Path, "qcow2").AsSpan().SequenceEqual(Top.View), "Top shows something else");
        if (!hasSucceeded)
            return;
        var actual = judged.Read(Base.Path, Base.Format);
        Assert.Equal(Max(Top.View.Length, (Base.View.Length + 511) & ~511), actual.Length);
        Assert.True(actual.AsSpan(0, Top.View.Length).SequenceEqual(Top.View), "The base does not show what top did");
        if (Base.View.Length > Top.View.Length)
            Assert.True(actual.AsSpan(Top.View.Length).SequenceEqual(Base.View.AsSpan(Top.View.Length)), "The base lost what was behind top's end");
    }

    // Everything in the graph that a job may have left something at. Why not who writes, on faulty devices: what cannot be flushed when it is
    // reopened stays writable.
    private string Describe()
    {
        graph.SolvePermissions();
        return string.Join('\n', graph.Nodes.Select(n =>
            $"{n.Name} {n.DriverName}, read-only {isFaulty || n.IsReadOnly}, blockers {n.Blockers.All.Count()}" +
            string.Concat(n.Parents.Select(l => $"; {l.Owner.Description} as {l.Name} {l.Role}: {Permissions(l)} {l.IsFrozen}").Order())));
    }

    private string Permissions(NodeLink link) => isFaulty ? "" : $"{link.Needed} / {link.Shared}";

    private async Task CloseAsync()
    {
        Assert.Empty(jobs.All);
        foreach (var link in links)
            graph.Detach(link);
        foreach (var layer in overlays.Concat(Direct).Distinct().Concat(Enumerable.Reverse(chain)).Where(l => l.Node != null))
            await GraphOpener.DeleteAsync(graph, layer.Name);
        Assert.Empty(graph.Nodes);
    }
}
