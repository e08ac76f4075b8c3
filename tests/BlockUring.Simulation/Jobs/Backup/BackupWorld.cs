using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Jobs.Backup;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Jobs.Backup;

/// <summary>Backups of one or two disks at one instant, maybe another one later, while guests write and users do what comes to their minds.</summary>
internal sealed class BackupWorld : ISimulatedWorld
{
    private const int ClusterLength = 65536;

    private readonly Random random;
    private readonly BufferPool buffers = new(256 << 20, 1 << 20);
    private readonly SimulatedScheduler scheduler;
    private readonly TestImages images;
    private readonly Dictionary<string, MemoryFile> targetFiles = [];
    private readonly SimulatedDisk sourceDisk;
    private readonly SimulatedDisk targetDisk;
    private readonly SimulatedHost targetHost;
    private readonly BlockGraph graph;
    private readonly JobList jobs;
    private readonly List<SimulatedSource> sources = [];
    private readonly List<(BackupRun Run, SimulatedSource Source)> runs = [];
    private readonly bool isFaulty;
    private readonly bool cutsPower;
    private BackupRun? creating;
    private bool mayFail;

    public BackupWorld(int seed, bool cutsPower)
    {
        this.cutsPower = cutsPower;
        random = new Random(seed);
        scheduler = new SimulatedScheduler(seed, buffers) { EarlyDelayShare = random.Next(3) * 0.05 };
        sourceDisk = new SimulatedDisk(seed + 1, scheduler) { ImmediateShare = random.Next(3) * 0.3 };
        targetDisk = new SimulatedDisk(seed + 2, scheduler) { ImmediateShare = random.Next(3) * 0.3 };
        isFaulty = !cutsPower && random.Next(2) == 0;
        images = new TestImages(buffers, random);
        for (var count = random.Next(3) == 0 ? 2 : 1; count > 0; count--)
            sources.Add(MakeSource($"s{count}"));
        var reportsHoles = random.Next(2) == 0;
        var sourceHost = new SimulatedHost(buffers, images.Files.ToDictionary(), sourceDisk) { ReportsHoles = reportsHoles };
        targetHost = new SimulatedHost(buffers, targetFiles, targetDisk) { ReportsHoles = reportsHoles };
        foreach (var path in images.Files.Keys)
            sourceHost.DiscardFills[path] = 0xdd;
        graph = new BlockGraph(scheduler, new JoinedHost(sourceHost, targetHost)) { NodeAdded = NoteInstant };
        jobs = new JobList(Take);
    }

    public override string ToString() =>
        string.Join(", ", sources.Select(s => $"{s.Name} {s.Format} {s.Model.Length}")) + (isFaulty ? ", faults" : "") +
        "\n" + string.Join('\n', runs.Select(r => r.Run));

    public void Dispose() => buffers.Dispose();

    public void Run()
    {
        scheduler.Run(RunAsync, () => targetDisk.IsCut);
        var judged = targetDisk.IsCut ? images.With(targetHost.AfterPowerCut(random)) : images;
        foreach (var (run, source) in runs)
        {
            if (run.HasSucceeded && run.IsDurable)
                run.JudgeTarget(judged, source.TopAtStart);
            if (targetDisk.IsCut)
                continue;
            Assert.True(run.HasConcluded);
            if (run.Request.Bitmap != null)
                run.JudgeBitmap(source.Bitmap!, images);
        }

        if (!targetDisk.IsCut)
            Assert.Equal(0, buffers.RentedBytes);
    }

    private async Task RunAsync()
    {
        foreach (var source in sources)
            await OpenAsync(source);
        var guests = sources.SelectMany(s => s.Writers).Select(w => w.RunAsync(random.Next(20, 120))).ToArray();
        if (random.Next(2) == 0)
            await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(200)));
        foreach (var source in sources)
            await PlanAsync(source, isSecond: false);
        var before = Describe();
        await StartAllAsync();
        mayFail = isFaulty;
        sourceDisk.FailShare = isFaulty ? random.Next(3) * 0.01 : 0;
        targetDisk.FailShare = isFaulty ? random.Next(3) * 0.02 : 0;
        var users = new BackupUsers(scheduler, graph, jobs, random, [sourceDisk, targetDisk]);
        var used = users.RunAsync(random.Next(25));
        if (random.Next(3) == 0 && await StartSecondAsync(sources[0]))
            before = null;
        await used;
        foreach (var guest in guests)
            await guest;
        (sourceDisk.FailShare, targetDisk.FailShare) = (0, 0);
        await users.BringAllToTheirEndsAsync();
        if (before != null)
            Assert.Equal(before, Describe());
        await CloseAsync();
    }

    private SimulatedSource MakeSource(string name)
    {
        var format = random.Next(2) == 0 ? "raw" : "qcow2";
        var clusterLength = 1 << random.Next(9, 22);
        var clusters = random.Next(1, clusterLength < 4096 ? 12 : 40);
        var length = ((long)clusters * ClusterLength) - (random.Next(2) == 0 ? 512 * random.Next(128) : 0);
        string? backing = null;
        if (format == "qcow2" && random.Next(2) == 0)
        {
            backing = $"/sim/{name}.backing";
            images.Create(backing, "raw", Math.Max(512, (long)(length * random.NextDouble() * 1.5) & -512), 0);
            images.Fill(backing, "raw", 0.7);
        }

        var path = $"/sim/{name}";
        images.Create(path, format, length, clusterLength, backing);
        images.Fill(path, format, random.NextDouble());
        return new SimulatedSource(name, format, new DiskModel(images.Read(path, format)), images.Allocated(path, format));
    }

    private async Task OpenAsync(SimulatedSource source)
    {
        source.Node = await AddNodeAsync(source.Name, source.Format, $"/sim/{source.Name}");
        source.Link = graph.Attach(source.User, source.Node, "root", NodeLink.AllPermissions & ~ImagePermissions.Resize, NodeLink.AllPermissions);
        if (random.Next(3) > 0)
            source.Bitmap = source.Node.Bitmaps.Create("b", source.Model.Length, 1 << random.Next(9, 19));
        for (var count = random.Next(1, 4); count > 0; count--)
            source.Writers.Add(new GuestWriter(scheduler, source.User, source.Model, random.Next()) { MayFail = () => mayFail });
    }

    private ValueTask<BlockNode> AddNodeAsync(string name, string format, string path) => GraphOpener.AddAsync(
        graph,
        OptionTree.ParseKeyValues($"driver={format},node-name={name},discard=unmap,file.driver=file,file.discard=unmap,file.filename={path}"));

    // Thinks out a backup, and opens its target, which holds something that must not be taken for the copy.
    private async Task<BackupRun> PlanAsync(SimulatedSource source, bool isSecond)
    {
        var name = $"t{runs.Count}";
        var path = $"/target/{name}";
        var format = random.Next(2) == 0 ? "raw" : "qcow2";
        images.Create(path, format, source.Model.Length, 1 << random.Next(9, 22));
        if (random.Next(3) > 0)
            images.Fill(path, format, 0.8);
        targetFiles[path] = images.Files[path];
        var before = images.Read(path, format);
        var target = await AddNodeAsync(name, format, path);
        var bitmap = isSecond || random.Next(4) == 0 ? null : source.Bitmap;
        var sync = bitmap == null ? (BackupSync)random.Next(3) : (BackupSync)random.Next(5);
        if (sync == BackupSync.None)
            bitmap = null;
        var mode = (BitmapMode)random.Next(3);
        if (sync == BackupSync.Incremental)
            mode = BitmapMode.OnSuccess;
        else if (mode == BitmapMode.Never && sync is BackupSync.Full or BackupSync.Top)
            mode = BitmapMode.Always;
        var minCluster = random.Next(4) == 0 ? 1 << random.Next(9, 19) : 0;
        var unit = Math.Max(Math.Max(ClusterLength, minCluster), target.ClusterLength);
        var settings = new JobSettings($"j{runs.Count}")
        {
            AutoFinalize = random.Next(3) > 0,
            AutoDismiss = random.Next(3) > 0,
            Speed = random.Next(4) == 0 ? random.Next(1 << 20, 64 << 20) : 0,
        };
        var run = new BackupRun(
            new BackupRequest(settings, source.Node!, target)
            {
                Sync = sync,
                Bitmap = bitmap,
                BitmapMode = mode,
                Compress = format == "qcow2" && random.Next(3) == 0,
                OnSourceError = (JobErrorPolicy)random.Next(5),
                OnTargetError = (JobErrorPolicy)random.Next(5),
                BreaksSnapshot = random.Next(3) == 0,
                MaxWorkers = random.Next(1, 9),
                MaxChunk = random.Next(4) switch { 0 => 0, 1 => unit, 2 => random.Next(unit, unit + (1 << 20)), _ => unit << random.Next(4) },
                MinClusterLength = minCluster,
            },
            source.Model,
            path,
            format,
            before);
        runs.Add((run, source));
        return run;
    }

    // All at one instant: nobody writes in between.
    private async Task StartAllAsync()
    {
        using var change = await graph.BeginChangeAsync();
        using var section = runs.Count > 1 || random.Next(2) == 0 ? await graph.DrainAsync([.. sources.Select(s => s.Node!)]) : null;
        var transaction = new JobTransaction();
        foreach (var (run, _) in runs)
            await StartAsync(run, transaction);
        if (section != null)
            Assert.All(runs, r => Assert.Equal(r.Source.Model.EndedCount, r.Run.InstantCount));
    }

    private async Task StartAsync(BackupRun run, JobTransaction? transaction)
    {
        creating = run;
        run.Job = await BackupJob.CreateAsync(graph, jobs, run.Request, transaction);
        creating = null;
        run.Job.Start();
    }

    // Its filter comes below the one of the first.
    private async Task<bool> StartSecondAsync(SimulatedSource source)
    {
        await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(30)));
        using var change = await graph.BeginChangeAsync();
        var share = targetDisk.FailShare;
        targetDisk.FailShare = 0;
        var run = await PlanAsync(source, isSecond: true);
        targetDisk.FailShare = share;
        await StartAsync(run, null);
        return true;
    }

    private void NoteInstant(BlockNode node)
    {
        if (node is CopyBeforeWriteNode filter)
            creating!.BeginInstant(filter.Copy.ClusterLength);
    }

    private void Take(JobEvent happened)
    {
        var run = runs.Find(r => r.Run.Id == happened.JobId).Run;
        run.Take(happened);
        if (cutsPower && happened is JobEvent.Completed { Error: null })
            targetDisk.Cut();
    }

    // Everything in the graph that a job may have left something at.
    private string Describe()
    {
        graph.SolvePermissions();
        return string.Join('\n', graph.Nodes.Select(n =>
            $"{n.Name} {n.DriverName}, blockers {n.Blockers.All.Count()}, bitmaps {string.Join('+', n.Bitmaps.Select(b => $"{b.Name} busy {b.IsBusy}"))}" +
            string.Concat(n.Parents.Select(l => $"; {l.Owner.Description} as {l.Name} {l.Role}: {l.Needed} / {l.Shared} {l.IsFrozen}"))));
    }

    private async Task CloseAsync()
    {
        Assert.Empty(jobs.All);
        foreach (var source in sources)
        {
            source.Bitmap = source.Node!.Bitmaps.Find("b");
            graph.Detach(source.Link!);
            await GraphOpener.DeleteAsync(graph, source.Name);
        }

        foreach (var (run, _) in runs)
            await GraphOpener.DeleteAsync(graph, run.Request.Target.Name);
        Assert.Empty(graph.Nodes);
    }
}
