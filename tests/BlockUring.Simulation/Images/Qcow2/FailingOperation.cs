using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Jobs;
using BlockUring.Jobs.Commit;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Something done to an image, any request of which may fail once.</summary>
/// <param name="Name">For messages.</param>
/// <param name="IsPossible">With which kinds of image.</param>
/// <param name="RunAsync">Does it, from the opening to the closing; a failure is flushed after, as a caller does who goes on.</param>
internal sealed record FailingOperation(string Name, Func<ImageKind, bool> IsPossible, Func<ImageWorld, SimulatedHost, SimulatedDisk, Task> RunAsync)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<FailingOperation> All { get; } =
    [
        new("create", _ => true, (world, host, _) => CreateAsync(world, host)),
        new("write", _ => true, WriteAsync),
        new("snapshot create", HasSnapshots, (world, host, _) => ChangeAsync(world, host, i => world.Snapshots!.CreateAsync(i, world.Model))),
        new("snapshot apply", HasSnapshots, (world, host, _) => ChangeAsync(world, host, i =>
            world.Snapshots!.ApplyAsync(i, world.Kind, world.Model, world.Snapshots.Contents.Keys.First()))),
        new("snapshot delete", HasSnapshots, (world, host, _) => ChangeAsync(world, host, i =>
            world.Snapshots!.DeleteAsync(i, world.Model, world.Snapshots.Contents.Keys.First()))),
        new("resize grow", k => k.Version == 3, (world, host, _) => ChangeAsync(world, host, i => ResizeAsync(world, i, Longer(world)))),
        new("resize shrink", k => k.Version == 3, (world, host, _) => ChangeAsync(world, host, i => ResizeAsync(world, i, Shorter(world)))),
        new("check", _ => true, CheckAsync),
        new("bitmap store", k => k.Version == 3, (world, host, _) => ChangeAsync(world, host, i => StoreBitmapAsync(world, i))),
        new("commit", k => k.BackingLength > 0, CommitAsync),
    ];

    /// <summary>Whether the operation begins with a snapshot.</summary>
    public bool NeedsSnapshot => Name is "snapshot apply" or "snapshot delete";

    /// <summary>
    /// Whether a failed request need not make it fail: giving space back is tried again later, a check tells of what it cannot read, and whoever closes the
    /// images of a commit is warned; the names of features come behind the header with the bitmaps, which is as good without them.
    /// </summary>
    public bool MayHideFailure => Name is "resize shrink" or "check" or "bitmap store" or "commit";

    /// <summary>Whether snapshots show other data afterwards where they show the backing file.</summary>
    public bool ChangesBacking => Name == "commit";

    public override string ToString() => Name;

    // Narrow refcounts have no room for them.
    private static bool HasSnapshots(ImageKind kind) => !kind.HasDataFile && kind.RefcountBits >= 16;

    private static long Longer(ImageWorld world) => Math.Min(world.Kind.MaxLength, world.Model.Length + (3L * world.Kind.ClusterLength)) & -512;

    private static long Shorter(ImageWorld world) => Math.Max(512, (world.Model.Length / 2) & -512);

    private static async Task CreateAsync(ImageWorld world, SimulatedHost host)
    {
        var options = OptionTree.ParseKeyValues(world.Kind.Options()).Values;
        await new Qcow2Driver().CreateAsync(host, new CreateRequest(ImageKind.Path, world.Kind.Length, options));
    }

    // A few random requests, several in flight.
    private static async Task WriteAsync(ImageWorld world, SimulatedHost host, SimulatedDisk disk)
    {
        if ((await world.RunAsync(host, 8, checksReads: false, changesSnapshots: false)).FirstOrDefault() is { } failure)
            throw failure;
    }

    private static async Task ResizeAsync(ImageWorld world, Image image, long length)
    {
        var writes = world.Model.Completed();
        var resize = world.Model.BeginResize(length);
        var hasSucceeded = false;
        try
        {
            await image.ResizeAsync(length);
            hasSucceeded = true;
            world.Model.Flushed(writes);
        }
        finally
        {
            world.Model.EndResize(resize, hasSucceeded);
        }
    }

    private static async Task StoreBitmapAsync(ImageWorld world, Image image)
    {
        await image.LoadBitmapsAsync();
        foreach (var broken in image.Bitmaps!.Where(b => b.IsInconsistent).ToList())
        {
            await image.Format.RemoveBitmapAsync(broken.Name!);
            image.Bitmaps!.Remove(broken);
        }

        if (image.Bitmaps!.Find("b") is not { } bitmap)
            (bitmap = image.Bitmaps!.Create("b", image.Length, 512)).IsPersistent = true;
        await image.Format.PrepareBitmapChangeAsync();
        bitmap.SetAll();
        await image.StoreBitmapsAsync();
    }

    private static async Task CheckAsync(ImageWorld world, SimulatedHost host, SimulatedDisk disk)
    {
        var settings = new ImageOpenSettings(host, new FileOpenOptions()) { ForCheck = true };
        var image = await BackingChain.OpenAsync(ImageKind.Path, "qcow2", settings);
        var lines = new List<string>();
        try
        {
            var result = (await image.Format.CheckAsync(new CheckRequest(lines.Add)))!;
            Assert.True(result.CheckErrors > 0 || !disk.HasFailed, $"the check says nothing of what it could not read: {result}");
            Assert.True((result.Corruptions == 0 && lines.Count == 0) || disk.HasFailed, string.Join('\n', lines));
        }
        finally
        {
            await image.DisposeAsync();
        }
    }

    private static async Task ChangeAsync(ImageWorld world, SimulatedHost host, Func<Image, Task> change)
    {
        var image = await ImageWorld.OpenAsync(host);
        try
        {
            await change(image);
            await FlushAsync(world, image);
        }
        catch (BlockException)
        {
            await FlushAsync(world, image);
            throw;
        }
        finally
        {
            await image.DisposeAsync();
        }
    }

    private static async Task FlushAsync(ImageWorld world, Image image)
    {
        var writes = world.Model.Completed();
        await image.FlushAsync();
        world.Model.Flushed(writes);
    }

    private static async Task CommitAsync(ImageWorld world, SimulatedHost host, SimulatedDisk disk)
    {
        host.DiscardFills[ImageKind.Path] = 0xdd;
        var graph = new BlockGraph(disk.Scheduler, host);
        var warnings = new List<string>();
        try
        {
            using var change = await graph.BeginChangeAsync();
            var options = OptionTree.ParseKeyValues($"driver=qcow2,file.driver=file,file.filename={ImageKind.Path}");
            var top = await GraphOpener.OpenAsync(graph, options, new NodeSettings { Unmap = true });
            var request = new CommitRequest(new JobSettings("commit"), top, top, top.BackingLink!.Node);
            await OfflineCommit.RunAsync(graph, request, empties: true, _ => { });
        }
        finally
        {
            await GraphCloser.CloseAllAsync(graph, warnings.Add);
        }

        Assert.True(warnings.Count > 0 || !disk.HasFailed, $"nobody is told of the failed {disk.Failure}");
        var bottom = world.Files[ImageKind.BackingPath];
        var actual = new byte[world.Model.Length];
        bottom.Read(0, actual);
        Assert.True(world.Model.Content.SequenceEqual(actual), "the base does not hold what was committed");
    }
}
