using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Jobs.Backup;
using BlockUring.Jobs.Mirror;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Images.Qcow2;
using BlockUring.Simulation.Jobs.Backup;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Jobs.Mirror;

/// <summary>
/// A disk is mirrored, or committed into its base, while guests write to it, above the filter and below, and users do what comes to their minds. A
/// mirror by a bitmap that did not get far is started again.
/// </summary>
internal sealed class MirrorWorld : ISimulatedWorld
{
    private readonly Random random;
    private readonly BufferPool buffers = new(256 << 20, 1 << 20);
    private readonly SimulatedScheduler scheduler;
    private readonly SimulatedDisk sourceDisk;
    private readonly SimulatedDisk targetDisk;
    private readonly SimulatedHost targetHost;
    private readonly TestImages files;
    private readonly MirrorImages images;
    private readonly BlockGraph graph;
    private readonly JobList jobs;
    private readonly DiskModel model;
    private readonly DiskUser guest = new("guest");
    private readonly DiskUser other = new("a writer below the filter");
    private readonly List<string> told = [];
    private readonly List<string> warnings = [];
    private readonly bool isFaulty;
    private readonly bool cutsPower;
    private MirrorRequest request = null!;
    private BlockNode source = null!;
    private BlockNode target = null!;
    private DirtyBitmap? bitmap;
    private MirrorTopNode? filter;
    private DiskContent? instant;
    private bool hasSucceeded;
    private bool hasConcluded;
    private bool wasCompleted;
    private bool mayFail;

    public MirrorWorld(int seed, bool cutsPower)
    {
        this.cutsPower = cutsPower;
        random = new Random(seed);
        scheduler = new SimulatedScheduler(seed, buffers) { EarlyDelayShare = random.Next(3) * 0.05 };
        sourceDisk = new SimulatedDisk(seed + 1, scheduler) { ImmediateShare = random.Next(3) * 0.3 };
        targetDisk = new SimulatedDisk(seed + 2, scheduler) { ImmediateShare = random.Next(3) * 0.3 };
        isFaulty = !cutsPower && random.Next(2) == 0;
        files = new TestImages(buffers, random);
        images = new MirrorImages(files, random, isCommit: random.Next(3) == 0);
        var reportsHoles = random.Next(2) == 0;
        var ofTarget = files.Files.Where(f => f.Key == MirrorImages.TargetPath).ToDictionary();
        var ofSource = files.Files.Where(f => f.Key != MirrorImages.TargetPath).ToDictionary();
        var sourceHost = new SimulatedHost(buffers, ofSource, sourceDisk) { ReportsHoles = reportsHoles };
        targetHost = new SimulatedHost(buffers, ofTarget, targetDisk) { ReportsHoles = reportsHoles };
        sourceHost.DiscardFills[MirrorImages.SourcePath] = 0xdd;
        graph = new BlockGraph(scheduler, new JoinedHost(sourceHost, targetHost))
        {
            NodeAdded = n => filter = n as MirrorTopNode ?? filter,
            Warn = warnings.Add,
        };
        jobs = new JobList(Take);
        model = new DiskModel(files.Read(MirrorImages.SourcePath, images.SourceFormat));
    }

    public override string ToString() =>
        $"{(images.IsCommit ? "commit" : images.Sync)} of {images.Length} bytes, {images.SourceFormat} to {images.TargetFormat}, " +
        $"{(isFaulty ? "faults, " : "")}{request?.CopyMode}, granularity {request?.Granularity}, buffer {request?.BufferLength}, " +
        $"policies {request?.OnSourceError}/{request?.OnTargetError}, {request?.Bitmap?.Name} {request?.BitmapMode}\n{string.Join(' ', told)}";

    public void Dispose() => buffers.Dispose();

    public void Run()
    {
        scheduler.Run(RunAsync, () => targetDisk.IsCut);
        if (targetDisk.IsCut)
            JudgeAfterPowerCut();
        else
            Assert.Equal(0, buffers.RentedBytes);
    }

    private async Task RunAsync()
    {
        await OpenAsync();
        var guests = new List<Task>();
        // Why: what is written before, a mirror of nothing but what is written does not get.
        if (images.Sync != BackupSync.None)
            StartWriting(guests);
        if (random.Next(2) == 0)
            await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(200)));
        Plan();
        var before = Describe();
        await StartAsync();
        if (images.Sync == BackupSync.None)
            StartWriting(guests);
        if (random.Next(3) == 0)
            guests.Add(NewWriter(other).RunAsync(random.Next(1, 30)));
        var users = new BackupUsers(scheduler, graph, jobs, random, [sourceDisk, targetDisk]);
        do
        {
            mayFail = isFaulty;
            sourceDisk.FailShare = isFaulty ? random.Next(3) * 0.01 : 0;
            targetDisk.FailShare = isFaulty ? random.Next(3) * 0.02 : 0;
            await users.RunAsync(random.Next(40));
            (sourceDisk.FailShare, targetDisk.FailShare) = (0, 0);
            await users.BringAllToTheirEndsAsync();
        }
        while (!hasSucceeded && request.BitmapMode == BitmapMode.Always && CanStartAgain() && await StartAgainAsync());

        foreach (var writer in guests)
            await writer;
        await JudgeAsync(before);
        await CloseAsync();
    }

    private void StartWriting(List<Task> guests)
    {
        for (var count = random.Next(1, 4); count > 0; count--)
            guests.Add(NewWriter(guest).RunAsync(random.Next(20, 120)));
    }

    private GuestWriter NewWriter(DiskUser user) => new(scheduler, user, model, random.Next()) { MayFail = () => mayFail, Beginning = NoteRequest };

    // The first change that the target does not get for itself: what it holds is what the disk held just now.
    private void NoteRequest(BlockNode node)
    {
        if (instant != null || filter is not { Copy.IsStopped: true })
            return;
        instant = model.Capture();
        model.ForgetWritten();
    }

    private async Task OpenAsync()
    {
        const string Plain = "discard=unmap,file.driver=file,file.discard=unmap";
        var below = "";
        if (images.IsCommit)
        {
            target = await AddAsync($"driver={images.TargetFormat},node-name=t,read-only={OnOff()},{Plain},file.filename={MirrorImages.TargetPath}");
            below = ",backing=t";
            foreach (var path in images.Middle)
            {
                var name = path[(path.LastIndexOf('/') + 1)..];
                await AddAsync($"driver=qcow2,node-name={name},read-only=on,{Plain},file.filename={path}{below}");
                below = $",backing={name}";
            }
        }
        else
        {
            var backing = images.Sync == BackupSync.Top ? ",backing=" : "";
            target = await AddAsync($"driver={images.TargetFormat},node-name=t,{Plain},file.filename={MirrorImages.TargetPath}{backing}");
        }

        source = await AddAsync($"driver={images.SourceFormat},node-name=s,{Plain},file.filename={MirrorImages.SourcePath}{below}");
        graph.Attach(guest, source, "root", NodeLink.AllPermissions & ~ImagePermissions.Resize, NodeLink.AllPermissions);
        if (!images.IsCommit && (images.Sync is BackupSync.Bitmap or BackupSync.Incremental || random.Next(2) == 0))
            bitmap = source.Bitmaps.Create("b", images.Length, 1 << random.Next(9, 19));
    }

    private string OnOff() => random.Next(2) == 0 ? "on" : "off";

    private ValueTask<BlockNode> AddAsync(string options) => GraphOpener.AddAsync(graph, OptionTree.ParseKeyValues(options));

    private void Plan()
    {
        var used = images.Sync == BackupSync.None ? null : bitmap;
        var mode = (BitmapMode)random.Next(3);
        if (images.Sync == BackupSync.Incremental)
            mode = BitmapMode.OnSuccess;
        else if (mode == BitmapMode.Never && images.Sync is not BackupSync.Bitmap)
            mode = BitmapMode.Always;
        var settings = new JobSettings("j")
        {
            AutoFinalize = random.Next(3) > 0,
            AutoDismiss = random.Next(3) > 0,
            Speed = random.Next(4) == 0 ? random.Next(1 << 20, 64 << 20) : 0,
        };
        request = new MirrorRequest(settings, source, target)
        {
            Sync = images.Sync,
            Bitmap = used,
            BitmapMode = used == null ? BitmapMode.OnSuccess : mode,
            Granularity = random.Next(2) == 0 ? 0 : 1 << random.Next(9, 21),
            BufferLength = random.Next(2) == 0 ? 0 : random.Next(1, 8 << 20),
            OnSourceError = (JobErrorPolicy)random.Next(5),
            OnTargetError = (JobErrorPolicy)random.Next(5),
            CopyMode = (MirrorCopyMode)random.Next(3),
            Unmap = random.Next(3) > 0,
            TargetIsZero = images is { IsTargetEmpty: true, Sync: BackupSync.Full } && random.Next(2) == 0,
            Backing = images.Sync == BackupSync.Top ? (MirrorBacking)random.Next(1, 3) : MirrorBacking.Leave,
        };
    }

    private async Task StartAsync()
    {
        using var change = await graph.BeginChangeAsync();
        var job = images.IsCommit
            ? await MirrorJob.CreateActiveCommitAsync(graph, jobs, request with { CopyMode = MirrorCopyMode.Background })
            : await MirrorJob.CreateAsync(graph, jobs, request);
        // Why attached now: whoever was there before is above the filter now. Why not to read: below the filter of a commit nobody may.
        if (other.Links.Count == 0)
            graph.Attach(other, source, "root", ImagePermissions.Write, NodeLink.AllPermissions);
        (hasSucceeded, hasConcluded) = (false, false);
        job.Start();
    }

    // What is started again by a bitmap gets no backing file but the one that it has, and a copy of the top alone needs one.
    private bool CanStartAgain() => images.Sync != BackupSync.Top || request.Backing != MirrorBacking.OfSource;

    // By what the bitmap says that the target lacks.
    private async Task<bool> StartAgainAsync()
    {
        bitmap = source.Bitmaps.Find("b")!;
        request = request with
        {
            Sync = BackupSync.Bitmap,
            Bitmap = bitmap,
            TargetIsZero = false,
            OnSourceError = JobErrorPolicy.Stop,
            OnTargetError = JobErrorPolicy.Stop,
        };
        instant = null;
        told.Add("AGAIN");
        await StartAsync();
        return true;
    }

    private void Take(JobEvent happened)
    {
        told.Add(happened is JobEvent.StatusChange change ? change.Status.ToString() : happened.GetType().Name);
        switch (happened)
        {
            case JobEvent.Completed completed:
                hasSucceeded = completed.Error == null;
                Assert.True(completed.Offset <= completed.Length);
                if (hasSucceeded)
                    Assert.Equal(completed.Length, completed.Offset);
                break;
            case JobEvent.IoError error:
                var policy = error.IsRead ? request.OnSourceError : request.OnTargetError;
                Assert.True(policy != JobErrorPolicy.Ignore || error.Action == JobErrorAction.Ignore);
                Assert.True(policy != JobErrorPolicy.Report || error.Action == JobErrorAction.Report);
                break;
            case JobEvent.StatusChange { Status: JobStatus.Null }:
                hasConcluded = true;
                break;
        }

        if (hasSucceeded && cutsPower && happened is JobEvent.Completed)
            targetDisk.Cut();
    }

    private string Describe()
    {
        graph.SolvePermissions();
        return string.Join('\n', graph.Nodes.Select(n =>
            $"{n.Name} {n.DriverName} {n.IsReadOnly}, blockers {n.Blockers.All.Count()}, observed {!n.Observers.IsIdle}, bitmaps " +
            string.Join('+', n.Bitmaps.Select(b => $"{b.Name} busy {b.IsBusy}")) +
            string.Concat(n.Parents.Where(l => l.Owner != other)
                .Select(l => $"; {l.Owner.Description} as {l.Name} {l.Role}: {l.Needed} / {l.Shared} {l.IsFrozen}"))));
    }

    private async Task JudgeAsync(string before)
    {
        Assert.True(hasConcluded);
        NoteRequest(source);
        wasCompleted = guest.Node == target;
        Assert.Equal(wasCompleted, other.Node == target);
        Assert.DoesNotContain(graph.Nodes, n => n is MirrorTopNode);
        // A base that cannot be flushed stays writable, and that is told.
        if (!wasCompleted && warnings.Count == 0)
            Assert.Equal(before, Describe());
        Assert.True(isFaulty || warnings.Count == 0);
        await JudgeContentAsync(guest.Node, model.Now, wasCompleted ? "after the pivot" : "without a pivot");
        if (hasSucceeded && !wasCompleted)
        {
            await target.FlushAsync();
            await JudgeContentAsync(target, instant!, "the copy", images.Sync == BackupSync.Top);
        }

        if (hasSucceeded && wasCompleted && !images.IsCommit)
            await JudgeSourceAsync();
        JudgeBitmap();
        if (images.TargetFormat == "qcow2")
        {
            await target.FlushAsync();
            Assert.Empty(ImageCheck.Of(files.Files[MirrorImages.TargetPath]).Errors);
        }
    }

    private async Task JudgeContentAsync(BlockNode node, DiskContent wanted, string what, bool lacksBacking = false)
    {
        var actual = lacksBacking
            ? files.Read(MirrorImages.TargetPath, images.TargetFormat)
            : await ReadAsync(node);
        var at = wanted.FirstDifference(0, actual.AsSpan(0, (int)images.Length));
        Assert.True(at < 0, $"{what}: byte {at} is not what was written");
    }

    // What the guest has not written since: the disk that was left behind holds it still, whatever it is.
    private async Task JudgeSourceAsync()
    {
        var (left, taken) = (await ReadAsync(source), await ReadAsync(target));
        for (var at = 0; at < images.Length; at++)
            Assert.True(left[at] == taken[at] || model.Perhaps[at], $"byte {at} is not what it was at the pivot");
    }

    private async Task<byte[]> ReadAsync(BlockNode node)
    {
        var bytes = new byte[images.Length];
        using var buffer = buffers.Rent(1 << 20);
        for (var offset = 0; offset < bytes.Length; offset += buffer.Length)
        {
            var part = Math.Min(buffer.Length, bytes.Length - offset);
            await node.ReadAsync(offset, buffer.Memory.Slice(0, part));
            buffer.Span[..part].CopyTo(bytes.AsSpan(offset));
        }

        return bytes;
    }

    private void JudgeBitmap()
    {
        if (request.Bitmap == null)
            return;
        var now = source.Bitmaps.Find("b")!;
        Assert.False(now.IsBusy || now.HasSuccessor || !now.IsEnabled);
        if (!hasSucceeded || wasCompleted || request.BitmapMode == BitmapMode.Never)
            return;
        for (long at = 0; at < images.Length; at += now.Granularity)
        {
            var end = Math.Min(images.Length, at + now.Granularity);
            Assert.True(now.Get(at) || !Any(model.Surely, at, end), $"a write at {at} is missing in the bitmap");
            Assert.True(!now.Get(at) || Any(model.Perhaps, at, end), $"the target has what the bitmap says at {at}");
        }
    }

    private static bool Any(bool[] flags, long start, long end) => flags.AsSpan((int)start, (int)(end - start)).Contains(true);

    private void JudgeAfterPowerCut()
    {
        NoteRequest(source);
        var after = files.With(files.Files.Where(f => f.Key != MirrorImages.TargetPath).Concat(targetHost.AfterPowerCut(random)).ToDictionary());
        if (images.TargetFormat == "qcow2")
            Assert.Empty(ImageCheck.Of(after.Files[MirrorImages.TargetPath]).Errors);
        var actual = after.Read(MirrorImages.TargetPath, images.TargetFormat);
        for (var at = 0; at < images.Length; at++)
        {
            Assert.True(
                actual[at] == instant!.Bytes[at] || instant.Unknown[at] || model.Perhaps[at] || model.Overlaps(at, at + 1),
                $"byte {at} is gone with the power: {actual[at]} for {instant.Bytes[at]}");
        }
    }

    private async Task CloseAsync()
    {
        Assert.Empty(jobs.All);
        graph.Detach(other.Links[0]);
        graph.Detach(guest.Links[0]);
        await GraphOpener.DeleteAsync(graph, "s");
        foreach (var path in Enumerable.Reverse(images.Middle))
            await GraphOpener.DeleteAsync(graph, path[(path.LastIndexOf('/') + 1)..]);
        await GraphOpener.DeleteAsync(graph, "t");
        Assert.Empty(graph.Nodes);
    }
}
