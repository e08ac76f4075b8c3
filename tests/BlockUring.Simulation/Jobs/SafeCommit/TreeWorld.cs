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
/// A tree of images, some open and in use, and a commit of what one of them shows into one below it, with every other image to be kept as it is. How it
/// is committed, derived classes say.
/// </summary>
internal abstract class TreeWorld : ISimulatedWorld
{
    private readonly SimulatedHost host;
    private readonly List<NodeLink> links = [];
    private byte[]? committed;

    protected TreeWorld(int seed, TreeTrouble trouble)
    {
        Trouble = trouble;
        Random = new Random(seed);
        Scheduler = new SimulatedScheduler(seed, Buffers) { EarlyDelayShare = Random.Next(3) * 0.05 };
        Disk = new SimulatedDisk(seed + 1, Scheduler) { ImmediateShare = Random.Next(4) * 0.3 };
        Tree = new ImageTree(Buffers, Random);
        var index = Random.Next(1, Tree.Trunk.Count);
        Top = Tree.Trunk[index];
        Below = Tree.Trunk[Random.Next(index)];
        IsActive = !Tree.OverlaysOf(Top).Any() && Random.Next(4) > 0;
        host = new SimulatedHost(Buffers, Tree.Files, Disk) { ReportsHoles = Random.Next(2) == 0 };
        Graph = new BlockGraph(Scheduler, host);
    }

    protected Random Random { get; }

    protected BufferPool Buffers { get; } = new(256 << 20, 1 << 20);

    protected SimulatedScheduler Scheduler { get; }

    protected SimulatedDisk Disk { get; }

    protected BlockGraph Graph { get; }

    protected ImageTree Tree { get; }

    protected TreeTrouble Trouble { get; }

    /// <summary>What is committed.</summary>
    protected TreeImage Top { get; }

    /// <summary>Where to.</summary>
    protected TreeImage Below { get; }

    /// <summary>Whether the top is written meanwhile.</summary>
    protected bool IsActive { get; }

    /// <summary>Whether a request may fail now.</summary>
    protected bool MayFail { get; set; }

    /// <summary>Whether the guests are to come to an end.</summary>
    protected bool IsOver { get; set; }

    /// <summary>Those who use the top.</summary>
    protected IEnumerable<DiskUser> UsersOfTop => Top.Guest == null ? [] : [Top.Guest.User];

    public override string ToString() => $"{Top.Name} into {Below.Name}{(IsActive ? ", active" : "")}, {Trouble}, " +
        $"open: {string.Join(' ', Tree.All.Where(i => i.Node != null).Select(i => i.Name + (i.Guest == null ? "" : i.Guest.IsReader ? "(r)" : "(w)")))}\n{Tree}";

    public void Dispose() => Buffers.Dispose();

    public void Run()
    {
        Scheduler.Run(RunAsync, () => Disk.IsCut);
        var files = Disk.IsCut ? host.AfterPowerCut(Random) : null;
        Tree.Judge(Below, files);
        if (committed != null)
            JudgeBelow(committed, files);
        if (!Disk.IsCut)
            Assert.Equal(0, Buffers.RentedBytes);
    }

    /// <summary>Commits, as far as trouble allows.</summary>
    /// <returns>What the image below holds from now on, on its storage; null when that is not certain.</returns>
    protected abstract Task<byte[]?> CommitAsync(OverlayProtection protection);

    /// <summary>What the top shows.</summary>
    protected async Task<byte[]> ReadTopAsync()
    {
        var content = new byte[Top.Content.Length];
        using var buffer = Buffers.Rent(1 << 16);
        for (var at = 0; at < content.Length; at += buffer.Length)
        {
            var part = Math.Min(buffer.Length, content.Length - at);
            await Top.Node!.ReadAsync(at, buffer.Memory.Slice(0, part));
            buffer.Span[..part].CopyTo(content.AsSpan(at));
        }

        return content;
    }

    /// <summary>No request fails from now on.</summary>
    protected void EndFaults() => (Disk.FailShare, Disk.FailAt) = (0, 0);

    private async Task RunAsync()
    {
        foreach (var image in Tree.All)
            await OpenAsync(image);
        var guests = Tree.All.Where(i => i.Guest != null).Select(i => i.Guest!.RunAsync(() => IsOver)).ToArray();
        var protection = Protect();
        PlanTrouble();
        committed = await CommitAsync(protection);
        if (committed != null && Trouble == TreeTrouble.PowerCut && Random.Next(2) == 0)
            Disk.Cut();
        IsOver = true;
        foreach (var guest in guests)
            await guest;
        MayFail = false;
        EndFaults();
        foreach (var link in links)
            Graph.Detach(link);
        var problems = new List<string>();
        await GraphCloser.CloseAllAsync(Graph, problems.Add);
        Assert.Empty(problems);
    }

    // Leaves may be in use, all above what is written, and the top if it is written itself. Others may be closed.
    private async Task OpenAsync(TreeImage image)
    {
        var mayClose = Tree.Trunk.IndexOf(image) is var index && (index < 0 || index > Tree.Trunk.IndexOf(Top));
        if (image.Parent is { Node: null } || (mayClose && Random.Next(4) == 0))
            return;
        var isLeaf = !Tree.OverlaysOf(image).Any();
        var often = image.Parent == Below ? 2 : 4;
        var isWritten = (image == Top && IsActive) || (image != Top && isLeaf && Random.Next(often) == 0);
        var isRead = !isWritten && image != Below && Random.Next(often) == 0;
        var options = $"driver={image.Format},node-name={image.Name},file.driver=file,discard=unmap,file.discard=unmap,file.filename={image.Path}"
            + $",read-only={(isWritten ? "off" : "on")}" + (image.Parent == null ? "" : $",backing={image.Parent.Name}");
        using var change = await Graph.BeginChangeAsync();
        image.Node = await GraphOpener.AddAsync(Graph, OptionTree.ParseKeyValues(options));
        if (!isWritten && !isRead)
            return;
        var user = new DiskUser($"guest of {image.Name}");
        var needed = isWritten ? ImagePermissions.ConsistentRead | ImagePermissions.Write : ImagePermissions.ConsistentRead;
        var shared = ImagePermissions.ConsistentRead | ImagePermissions.WriteUnchanged;
        links.Add(Graph.Attach(user, image.Node, "root", needed, shared));
        image.Guest = new TreeGuest(Scheduler, user, image.Content, Random.Next()) { IsReader = !isWritten, MayFail = () => MayFail };
    }

    // Images that are closed are named, by themselves or by what lies over them, or found.
    private OverlayProtection Protect()
    {
        if (Random.Next(2) == 0)
            return new OverlayProtection([], ["/sim"]);
        var names = Tree.All.Where(i => i.Parent == Below && i.Node == null).Select(i => Heir(i).Path).ToList();
        if (Tree.All.FirstOrDefault(i => i.Parent == Below && i.Node != null && i != Top) is { } known)
            names.Add(Random.Next(2) == 0 ? known.Name : known.Path);
        return new OverlayProtection(names, []);
    }

    private TreeImage Heir(TreeImage image)
    {
        while (Random.Next(2) == 0 && Tree.OverlaysOf(image).FirstOrDefault() is { } above)
            image = above;
        return image;
    }

    private void PlanTrouble()
    {
        MayFail = Trouble == TreeTrouble.Faults;
        if (Trouble == TreeTrouble.PowerCut)
            Disk.CutAt = Disk.RequestCount + Random.Next(1, 1 << Random.Next(3, 12));
        if (Trouble == TreeTrouble.Faults && Random.Next(2) == 0)
            Disk.FailShare = Random.NextDouble() * 0.05;
        else if (Trouble == TreeTrouble.Faults)
            (Disk.FailAt, Disk.FailWith) = (Disk.RequestCount + Random.Next(1, 700), Random.Next(2) == 0 ? Errno.EIO : Errno.ENOSPC);
    }

    private void JudgeBelow(byte[] wanted, Dictionary<string, MemoryFile>? files)
    {
        var actual = Tree.Read(Below, files);
        Assert.True(actual.Length >= wanted.Length);
        if (!IsActive)
            Assert.Equal(Top.Content, wanted);
        ImageTree.DemandSame(wanted, actual.AsSpan(0, wanted.Length), $"{Below} after the commit");
        if (Below.Content.Length > wanted.Length)
            ImageTree.DemandSame(Below.Content.AsSpan(wanted.Length), actual.AsSpan(wanted.Length), $"{Below} behind the end of {Top}");
    }
}
