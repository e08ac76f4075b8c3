using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs.Commit;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Jobs.SafeCommit;

/// <summary>
/// What one image of a tree holds is written into one below it, by the simplest of committers, while all the other images are guarded, in use, and
/// written themselves.
/// </summary>
internal sealed class GuardWorld : IDisposable
{
    private readonly Random random;
    private readonly BufferPool buffers = new(256 << 20, 1 << 20);
    private readonly SimulatedScheduler scheduler;
    private readonly SimulatedDisk disk;
    private readonly SimulatedHost host;
    private readonly BlockGraph graph;
    private readonly ImageTree tree;
    private readonly TreeImage top;
    private readonly TreeImage below;
    private readonly bool isActive;
    private readonly GuardTrouble trouble;
    private readonly List<NodeLink> links = [];
    private readonly List<DiskUser> quiet = [];
    private readonly DiskUser committer = new("the committer");
    private DirtyBitmap? dirty;
    private bool mayFail;
    private bool isOver;
    private byte[]? committed;

    public GuardWorld(int seed, GuardTrouble trouble)
    {
        this.trouble = trouble;
        random = new Random(seed);
        scheduler = new SimulatedScheduler(seed, buffers) { EarlyDelayShare = random.Next(3) * 0.05 };
        disk = new SimulatedDisk(seed + 1, scheduler) { ImmediateShare = random.Next(4) * 0.3 };
        tree = new ImageTree(buffers, random);
        var index = random.Next(1, tree.Trunk.Count);
        top = tree.Trunk[index];
        below = tree.Trunk[random.Next(index)];
        isActive = !tree.OverlaysOf(top).Any() && random.Next(4) > 0;
        host = new SimulatedHost(buffers, tree.Files, disk) { ReportsHoles = random.Next(2) == 0 };
        graph = new BlockGraph(scheduler, host);
    }

    public override string ToString() => $"{top.Name} into {below.Name}{(isActive ? ", active" : "")}, {trouble}\n{tree}";

    public void Dispose() => buffers.Dispose();

    public void Run()
    {
        scheduler.Run(RunAsync, () => disk.IsCut);
        var files = disk.IsCut ? host.AfterPowerCut(random) : null;
        tree.Judge(below, files);
        if (committed is { } wanted)
        {
            var actual = tree.Read(below, files);
            Assert.True(actual.Length >= wanted.Length);
            if (!isActive)
                Assert.Equal(top.Content, wanted);
            ImageTree.DemandSame(wanted, actual.AsSpan(0, wanted.Length), $"{below} after the commit");
            if (below.Content.Length > wanted.Length)
                ImageTree.DemandSame(below.Content.AsSpan(wanted.Length), actual.AsSpan(wanted.Length), $"{below} behind the end of {top}");
        }

        if (!disk.IsCut)
            Assert.Equal(0, buffers.RentedBytes);
    }

    private async Task RunAsync()
    {
        foreach (var image in tree.All)
            await OpenAsync(image);
        var guests = tree.All.Where(i => i.Guest != null).Select(i => i.Guest!.RunAsync(() => isOver)).ToArray();
        PlanTrouble();
        await CommitAsync();
        isOver = true;
        foreach (var guest in guests)
            await guest;
        mayFail = false;
        foreach (var link in links)
            graph.Detach(link);
        var problems = new List<string>();
        await GraphCloser.CloseAllAsync(graph, problems.Add);
        Assert.Empty(problems);
    }

    // Leaves may be in use, all above what is written, and the top if it is written itself.
    private async Task OpenAsync(TreeImage image)
    {
        var isLeaf = !tree.OverlaysOf(image).Any();
        var isWritten = (image == top && isActive) || (image != top && isLeaf && random.Next(image.Parent == below ? 2 : 4) == 0);
        var isRead = !isWritten && image != below && random.Next(image.Parent == below ? 2 : 4) == 0;
        var options = $"driver={image.Format},node-name={image.Name},file.driver=file,discard=unmap,file.discard=unmap,file.filename={image.Path}"
            + $",read-only={(isWritten ? "off" : "on")}" + (image.Parent == null ? "" : $",backing={image.Parent.Name}");
        using var change = await graph.BeginChangeAsync();
        image.Node = await GraphOpener.AddAsync(graph, OptionTree.ParseKeyValues(options));
        if (!isWritten && !isRead)
            return;
        var user = new DiskUser($"guest of {image.Name}");
        var needed = isWritten ? ImagePermissions.ConsistentRead | ImagePermissions.Write : ImagePermissions.ConsistentRead;
        var shared = ImagePermissions.ConsistentRead | ImagePermissions.WriteUnchanged;
        links.Add(graph.Attach(user, image.Node, "root", needed, shared));
        image.Guest = new TreeGuest(scheduler, user, image.Content, random.Next()) { IsReader = !isWritten, MayFail = () => mayFail };
    }

    private void PlanTrouble()
    {
        mayFail = trouble == GuardTrouble.Faults;
        if (trouble == GuardTrouble.PowerCut)
            disk.CutAt = disk.RequestCount + random.Next(1, 1 << random.Next(3, 11));
        if (trouble == GuardTrouble.Faults && random.Next(2) == 0)
            disk.FailShare = random.NextDouble() * 0.05;
        else if (trouble == GuardTrouble.Faults)
            (disk.FailAt, disk.FailWith) = (disk.RequestCount + random.Next(1, 500), random.Next(2) == 0 ? Errno.EIO : Errno.ENOSPC);
    }

    private async Task CommitAsync()
    {
        OverlayHold? hold = null;
        try
        {
            hold = await BeginAsync();
            committed = await CopyAllAsync(hold.Guard);
        }
        catch (BlockException) when (mayFail)
        {
        }

        foreach (var guest in quiet)
            guest.Resume();
        if (committed != null && trouble == GuardTrouble.PowerCut && random.Next(2) == 0)
            disk.Cut();
        if (random.Next(3) > 0)
            (disk.FailShare, disk.FailAt, mayFail) = (0, 0, false);
        using var change = await graph.BeginChangeAsync();
        foreach (var link in committer.Links.ToArray().Where(l => l.Name == "target"))
            graph.Detach(link);
        if (hold != null)
            await hold.GiveBackAsync();
        foreach (var link in committer.Links.ToArray())
            graph.Detach(link);
        dirty?.Owner!.Remove(dirty);
        (disk.FailShare, disk.FailAt) = (0, 0);
    }

    private async Task<OverlayHold> BeginAsync()
    {
        using var change = await graph.BeginChangeAsync();
        await GraphReopener.SetReadOnlyAsync(graph, below.Node!, readOnly: false);
        graph.Attach(committer, top.Node!, "source", ImagePermissions.None, NodeLink.AllPermissions);
        var unit = 512 << random.Next(9);
        var hold = await OverlayHold.TakeAsync(graph, below.Node!, top.Node!, committer, "it is being kept", unit);
        try
        {
            graph.Attach(
                committer,
                below.Node!,
                "target",
                ImagePermissions.ConsistentRead | ImagePermissions.Write | ImagePermissions.Resize,
                ImagePermissions.ConsistentRead | ImagePermissions.WriteUnchanged);
            using var section = await graph.DrainAsync(below.Node!);
            if (isActive)
                dirty = top.Node!.Bitmaps.Create("dirty", top.Content.Length, unit);
            if (below.Node!.Length < top.Node!.Length)
                await below.Node.ResizeAsync(top.Node.Length, PreallocationMode.Off);
            return hold;
        }
        catch
        {
            foreach (var link in committer.Links.ToArray().Where(l => l.Name == "target"))
                graph.Detach(link);
            await hold.GiveBackAsync();
            throw;
        }
    }

    private async Task<byte[]?> CopyAllAsync(OverlayGuard guard)
    {
        var pending = new DirtyBitmap(null, top.Content.Length, 512);
        for (long offset = 0; offset < top.Content.Length;)
        {
            var status = await top.Node!.GetStatusAsync(offset, top.Content.Length - offset, below.Node);
            if (status.IsAllocated || status.IsZero)
                pending.Set(offset, status.Length);
            offset += status.Length;
        }

        if (random.Next(2) == 0)
            await InTurnAsync(() => PrepareAsync(guard, pending));
        while (true)
        {
            if (trouble == GuardTrouble.Cancel && random.Next(4) == 0)
                return null;
            if (!await CopyOnceAsync(guard, pending))
                return null;
            if (!isActive || random.Next(12) == 0)
                break;
        }

        return await FinishAsync(guard, pending);
    }

    private async ValueTask PrepareAsync(OverlayGuard guard, DirtyBitmap pending)
    {
        for (long at = 0; pending.NextDirtyArea(at, pending.Length, 1 << 18, out var offset, out var length); at = offset + length)
            await guard.CopyAsync(offset, length);
        await guard.SettleAsync();
    }

    // Everything that is pending, several pieces at a time; what fails is tried again, or is the end.
    private async Task<bool> CopyOnceAsync(OverlayGuard guard, DirtyBitmap pending)
    {
        if (dirty != null)
        {
            pending.Merge(dirty);
            dirty.Clear();
        }

        var gives = random.Next(3) == 0;
        var running = new List<Task<bool>>();
        for (long at = 0; pending.NextDirtyArea(at, pending.Length, 512L << random.Next(11), out var offset, out var length); at = offset + length)
        {
            pending.Reset(offset, length);
            running.Add(CopyPieceAsync(guard, pending, offset, (int)length));
            if (running.Count >= 6)
                await Task.WhenAny(running);
            if (trouble == GuardTrouble.Cancel && random.Next(60) == 0)
                gives = isOver = true;
            if (gives && isOver)
                break;
        }

        var isWell = true;
        foreach (var one in running)
            isWell &= await one;
        return (isWell || random.Next(3) > 0) && !(trouble == GuardTrouble.Cancel && isOver);
    }

    private async Task<bool> CopyPieceAsync(OverlayGuard guard, DirtyBitmap pending, long offset, int length)
    {
        try
        {
            await InTurnAsync(async () =>
            {
                using var buffer = buffers.Rent(length);
                await guard.ProtectAsync(offset, length);
                await top.Node!.ReadAsync(offset, buffer.Memory.Slice(0, length));
                if (buffer.Span[..length].ContainsAnyExcept((byte)0))
                    await below.Node!.WriteAsync(offset, buffer.Memory.Slice(0, length));
                else
                    await below.Node!.WriteZeroesAsync(offset, length, WriteFlags.MayUnmap);
            });
            return true;
        }
        catch (BlockException) when (mayFail)
        {
            pending.Set(offset, length);
            return false;
        }
    }

    // At last everybody is quiet, and nothing is left.
    private async Task<byte[]?> FinishAsync(OverlayGuard guard, DirtyBitmap pending)
    {
        isOver = true;
        foreach (var link in links.Where(l => l.Node == top.Node))
        {
            quiet.Add((DiskUser)link.Owner);
            await quiet[^1].QuiesceAsync();
        }

        for (var tries = 0; ; tries++)
        {
            if (tries == 20)
                (disk.FailShare, disk.FailAt) = (0, 0);
            await CopyOnceAsync(guard, pending);
            if (pending.IsAllClean && dirty is null or { IsAllClean: true })
                break;
            if (trouble == GuardTrouble.Cancel)
                return null;
        }

        await InTurnAsync(() => below.Node!.FlushAsync());
        return await ReadTopAsync();
    }

    private async Task<byte[]> ReadTopAsync()
    {
        var content = new byte[top.Content.Length];
        using var buffer = buffers.Rent(1 << 16);
        for (var at = 0; at < content.Length; at += buffer.Length)
        {
            var part = Math.Min(buffer.Length, content.Length - at);
            await top.Node!.ReadAsync(at, buffer.Memory.Slice(0, part));
            buffer.Span[..part].CopyTo(content.AsSpan(at));
        }

        return content;
    }

    private ValueTask InTurnAsync(Func<ValueTask> work) => committer.RunAsync(_ => work());
}
