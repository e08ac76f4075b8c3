using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Jobs.Rebase;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Images.Qcow2;
using BlockUring.Simulation.Jobs.Backup;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Jobs.Rebase;

/// <summary>One overlay above an old chain, and a new chain, which may share layers with the old one, be a part of it, or be none.</summary>
internal sealed class RebaseWorld : ISimulatedWorld
{
    private const string OverlayPath = "/sim/overlay";

    private readonly Random random;
    private readonly RebaseTrouble trouble;
    private readonly BufferPool buffers = new(256 << 20, 1 << 20);
    private readonly SimulatedScheduler scheduler;
    private readonly SimulatedDisk disk;
    private readonly SimulatedHost host;
    private readonly TestImages images;
    private readonly int minClusterBits;

    // From the top down.
    private readonly List<Layer> oldChain = [];
    private readonly List<Layer> newChain = [];
    private readonly Layer? target;
    private readonly bool isCompressed;
    private readonly byte[] content;

    public RebaseWorld(int seed, RebaseTrouble trouble)
    {
        this.trouble = trouble;
        random = new Random(seed);
        scheduler = new SimulatedScheduler(seed, buffers);
        disk = new SimulatedDisk(seed + 1, scheduler) { ImmediateShare = random.Next(3) * 0.3 };
        images = new TestImages(buffers, random);
        minClusterBits = random.Next(3) == 0 ? 9 : random.Next(9, 17);
        MakeChains();
        target = ChooseTarget();
        Make(OverlayPath, [.. oldChain], random.Next(4) * 0.2, "qcow2");
        isCompressed = random.Next(4) == 0;
        content = images.Read(OverlayPath, "qcow2");
        host = new SimulatedHost(buffers, images.Files.ToDictionary(), disk) { ReportsHoles = random.Next(2) == 0 };
    }

    public override string ToString() =>
        $"{trouble}{(isCompressed ? ", compressed" : "")}: overlay of {content.Length} over {string.Join(" over ", oldChain)}; " +
        $"to {target?.ToString() ?? "nothing"} of {string.Join(" over ", newChain)}; cut at {disk.CutAt}, failure at {disk.FailAt}";

    public void Dispose() => buffers.Dispose();

    public void Run()
    {
        Trouble();
        var hasSucceeded = false;
        scheduler.Run(async () => hasSucceeded = await RebaseAsync(), () => disk.IsCut);
        var after = disk.IsCut ? images.With(host.AfterPowerCut(random)) : images;
        var check = ImageCheck.Of(after.Files[OverlayPath]);
        Assert.Empty(check.Errors);
        Assert.True(disk.IsCut || disk.HasFailed || check.Leaks.Count == 0, $"{check.Leaks.Count} leaks");
        var name = HeaderOf(after.Files[OverlayPath]).BackingFileName;
        Assert.Contains(name, (string?[])[target?.Path, oldChain.FirstOrDefault()?.Path]);
        Assert.True(!hasSucceeded || name == target?.Path);
        Assert.True(hasSucceeded || trouble != RebaseTrouble.None);
        Assert.Equal(-1, FirstDifference(after.Read(OverlayPath, "qcow2")));
        if (!disk.IsCut)
            Assert.Equal(0, buffers.RentedBytes);
    }

    private static Qcow2Header HeaderOf(MemoryFile file)
    {
        var head = new byte[65536];
        file.Read(0, head);
        return Qcow2HeaderParser.Parse(head);
    }

    private int FirstDifference(byte[] actual)
    {
        Assert.Equal(content.Length, actual.Length);
        var same = actual.AsSpan().CommonPrefixLength(content);
        return same == content.Length ? -1 : same;
    }

    private void Trouble()
    {
        switch (trouble)
        {
            case RebaseTrouble.Fault when random.Next(2) == 0:
                disk.FailAt = random.Next(1, 200);
                disk.FailWith = random.Next(2) == 0 ? Native.Interop.Errno.EIO : Native.Interop.Errno.ENOSPC;
                break;
            case RebaseTrouble.Fault:
                disk.FailShare = random.Next(1, 8) * 0.005;
                break;
            case RebaseTrouble.PowerCut:
                disk.CutAt = random.Next(1, random.Next(2) == 0 ? 100 : 1000);
                break;
        }
    }

    private void MakeChains()
    {
        List<Layer> common = [];
        for (var count = random.Next(3); count > 0; count--)
            Add(common, $"/sim/common{count}");
        oldChain.AddRange(common);
        newChain.AddRange(common);
        for (var count = random.Next(3); count > 0; count--)
            Add(oldChain, $"/sim/old{count}");
        for (var count = random.Next(3); count > 0; count--)
            Add(newChain, $"/sim/new{count}");
    }

    private Layer? ChooseTarget() => random.Next(5) switch
    {
        0 => null,
        1 when oldChain.Count > 0 => oldChain[random.Next(oldChain.Count)],
        _ => newChain.FirstOrDefault(),
    };

    private void Add(List<Layer> chain, string path)
    {
        var format = chain.Count == 0 && random.Next(2) == 0 ? "raw" : "qcow2";
        var length = Make(path, chain, random.Next(4) * 0.25, format);
        chain.Insert(0, new Layer(path, format, length));
    }

    private long Make(string path, List<Layer> chain, double share, string format)
    {
        var below = chain.FirstOrDefault();
        var length = (random.Next(1, 30) * 65536L) - (random.Next(2) == 0 ? 512 * random.Next(128) : 0);
        var compat = random.Next(4) == 0 ? "0.10" : "1.1";
        images.Create(path, format, length, 1 << random.Next(minClusterBits, 22), below?.Path, below?.Format ?? "raw", compat);
        images.Fill(path, format, share);
        return length;
    }

    private async Task<bool> RebaseAsync()
    {
        Image? overlay = null;
        Image? opened = null;
        try
        {
            overlay = await BackingChain.OpenAsync(OverlayPath, "qcow2", new ImageOpenSettings(host, new FileOpenOptions(ReadOnly: false)));
            var backing = LayerOf(overlay);
            if (backing == null && target != null)
                backing = opened = await BackingChain.OpenAsync(target.Path, target.Format, new ImageOpenSettings(host, new FileOpenOptions(true)));
            await CopyAsync(overlay, backing);
            await overlay.Format.SetBackingNameAsync(target?.Path, target?.Format);
            return true;
        }
        catch (Exception e) when ((e is BlockException && disk.HasFailed) || (e is OperationCanceledException && trouble == RebaseTrouble.Stop))
        {
            disk.FailShare = 0;
            if (overlay != null)
                await overlay.FlushAsync();
            return false;
        }
        finally
        {
            if (overlay != null)
                await overlay.DisposeAsync();
            if (opened != null)
                await opened.DisposeAsync();
        }
    }

    // A user's program finds it there, or does not.
    private Image? LayerOf(Image overlay)
    {
        if (target == null || random.Next(2) == 0)
            return null;
        for (var layer = overlay.Backing as Image; layer != null; layer = layer.Backing as Image)
        {
            if (layer.File.Path == target.Path)
                return layer;
        }

        return null;
    }

    private async Task CopyAsync(Image overlay, Image? backing)
    {
        using var stop = new CancellationTokenSource();
        var left = trouble == RebaseTrouble.Stop ? random.NextInt64(overlay.Length) : long.MaxValue;
        var common = await CommonLayer.FindAsync(overlay.Backing as Image, backing, host.AreSame);
        await new ImageRebase(scheduler, new RebaseRequest(overlay, backing, common)
        {
            IsCompressed = isCompressed,
            Advanced = bytes =>
            {
                left -= bytes;
                if (left < 0 && !stop.IsCancellationRequested)
                    stop.Cancel();
            },
        }).RunAsync(stop.Token);
    }

    private sealed record Layer(string Path, string Format, long Length)
    {
        public override string ToString() => $"{System.IO.Path.GetFileName(Path)} {Format} {Length}";
    }
}
