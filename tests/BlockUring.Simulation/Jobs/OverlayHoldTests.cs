using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs.Commit;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Jobs.Backup;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>What is held for a safe commit, what is refused meanwhile, and what an overlay is given before the image below it changes.</summary>
public sealed class OverlayHoldTests : IDisposable
{
    private const int Length = 1 << 20;

    private static readonly OverlayProtection Nothing = new([], []);

    private readonly BufferPool buffers = new(64 << 20, 1 << 20);
    private readonly SimulatedScheduler scheduler;
    private readonly SimulatedDisk disk;
    private readonly TestImages images;
    private readonly SimulatedHost host;
    private readonly BlockGraph graph;
    private readonly DiskUser user = new("the committer");
    private OverlayHold? hold;

    public OverlayHoldTests()
    {
        scheduler = new SimulatedScheduler(1, buffers);
        disk = new SimulatedDisk(2, scheduler);
        images = new TestImages(buffers, new Random(3));
        images.Create("/t/base", "raw", Length, 0);
        images.Create("/t/top", "qcow2", Length, 65536, "/t/base");
        images.Create("/t/side", "qcow2", Length, 65536, "/t/base");
        images.Create("/t/over", "qcow2", Length, 65536, "/t/side", "qcow2");
        images.Create("/t/wrong", "qcow2", Length, 65536, "/t/base", "qcow2");
        images.Create("/t/other", "qcow2", Length, 65536);
        host = new SimulatedHost(buffers, images.Files, disk);
        graph = new BlockGraph(scheduler, host);
    }

    public void Dispose() => buffers.Dispose();

    [Fact]
    public void An_allocation_that_a_guest_has_not_flushed_is_durable_before_the_image_below_changes()
    {
        Run(async () =>
        {
            var (below, side) = (await AddAsync("base", null), await AddAsync("side", "base", isReadOnly: false));
            await TakeAsync(below, below, Nothing);
            await WriteAsync(side, 0, 7);
            await hold!.Guard.ProtectAsync(0, 4096);
            await WriteAsync(below, 0, 9);
            await below.FlushAsync();
            disk.Cut();
        });
        var seen = images.With(host.AfterPowerCut(new Random(1))).Read("/t/side", "qcow2");
        Assert.Equal(7, seen[0]);
    }

    [Fact]
    public void What_is_behind_the_old_end_of_the_image_below_is_hidden_by_zeroes()
    {
        images.Create("/t/long", "qcow2", 2 * Length, 512, "/t/base");
        Run(async () =>
        {
            var below = await AddAsync("base", null);
            await AddAsync("long", "base");
            await TakeAsync(below, below, Nothing);
            await below.ResizeAsync(2 * Length, PreallocationMode.Off);
            await hold!.Guard.ProtectAsync(0, Length);
            Assert.Equal(Length, hold.Guard.CopiedBytes);
            await GiveBackAsync();
        });
        Assert.True(images.Allocated("/t/long", "qcow2")[Length - 1]);
        Assert.False(images.Allocated("/t/long", "qcow2")[Length]);
    }

    [Fact]
    public void An_image_that_is_named_is_kept_by_the_one_right_above_and_goes_when_it_is_given_back()
    {
        Run(async () =>
        {
            var below = await AddAsync("base", null);
            await TakeAsync(below, below, new OverlayProtection(["/t/over"], []));
            Assert.Equal("/t/side", Assert.Single(NodeChain.OverlaysOf(below)).FileName);
            await GiveBackAsync();
            Assert.Equal(["base"], graph.Nodes.Where(n => n.IsMonitorOwned).Select(n => n.Name));
            Assert.DoesNotContain(graph.Nodes, n => n.FileName == "/t/side");
        });
    }

    [Fact]
    public void A_directory_is_looked_through_for_what_lies_over_the_image() => Run(async () =>
    {
        images.Files.Remove("/t/wrong");
        var below = await AddAsync("base", null);
        var top = await AddAsync("top", "base");
        await TakeAsync(below, top, new OverlayProtection([], ["/t"]));
        Assert.Equal(["/t/side", "/t/top"], NodeChain.OverlaysOf(below).Select(o => o.FileName).Order(StringComparer.Ordinal));
        Assert.True(top.IsReadOnly);
        await GiveBackAsync();
    });

    [Theory]
    [InlineData("/t/other", "'/t/other' cannot be kept as it is while 'base' is written: it does not lie over '/t/base'")]
    [InlineData("/t/base", "'/t/base' cannot be kept as it is while 'base' is written: it does not lie over '/t/base'")]
    [InlineData("/t/none", "'/t/none' cannot be kept as it is while 'base' is written: there is neither a node nor a file of that name")]
    [InlineData("/t/wrong", "'/t/wrong' cannot be kept as it is while 'base' is written: its header says that its backing file is a qcow2 image, and it is raw")]
    [InlineData("base", "'base' cannot be kept as it is while 'base' is written: it does not lie over 'base'")]
    public void What_cannot_be_kept_is_refused(string name, string words) => Run(async () =>
    {
        var below = await AddAsync("base", null);
        var refused = await Assert.ThrowsAsync<BlockException>(async () => await TakeAsync(below, below, new OverlayProtection(["/t/side", name], [])));
        Assert.Equal(words, refused.Message);
        Assert.Equal(2, graph.Nodes.Count);
    });

    [Fact]
    public void No_overlay_comes_and_none_changes_its_place_while_they_are_held() => Run(async () =>
    {
        var (below, side) = (await AddAsync("base", null), await AddAsync("side", "base"));
        await TakeAsync(below, below, Nothing);
        var refused = await Assert.ThrowsAsync<BlockException>(async () => await AddAsync("top", "base"));
        Assert.Equal(
            "Node 'base' cannot be the backing node of 'top' now: the committer writes it, and keeps only the overlays that were there at its start as they are",
            refused.Message);
        Assert.Null(graph.TryFind("top"));
        Assert.False(side.IsReadOnly);
        using (await graph.BeginChangeAsync())
        {
            var frozen = await Assert.ThrowsAsync<BlockException>(async () => await GraphEditor.SetBackingAsync(graph, side, null));
            Assert.Equal("Cannot change frozen 'backing' link from 'side' to 'base'", frozen.Message);
        }

        foreach (var operation in (NodeOperation[])[NodeOperation.Resize, NodeOperation.Stream, NodeOperation.InternalSnapshot, NodeOperation.Reopen])
            Assert.Equal("Node 'side' is busy: it is held", Assert.Throws<BlockException>(() => side.Blockers.Demand("side", operation)).Message);
        await GiveBackAsync();
        Assert.True(side.IsReadOnly);
        await AddAsync("top", "base");
    });

    [Fact]
    public void A_writer_of_the_image_below_is_tolerated_by_those_who_use_an_overlay_only_while_it_is_held() => Run(async () =>
    {
        var (below, side) = (await AddAsync("base", null), await AddAsync("side", "base", isReadOnly: false));
        using (await graph.BeginChangeAsync())
            await GraphReopener.SetReadOnlyAsync(graph, below, readOnly: false);
        var guest = new DiskUser("a guest");
        var use = graph.Attach(guest, side, "root", ImagePermissions.ConsistentRead | ImagePermissions.Write, ImagePermissions.ConsistentRead | ImagePermissions.WriteUnchanged);
        var writer = new DiskUser("a writer");
        Assert.Throws<BlockException>(() => graph.Attach(writer, below, "root", ImagePermissions.Write, NodeLink.AllPermissions));
        await TakeAsync(below, below, Nothing);
        graph.Detach(graph.Attach(writer, below, "root", ImagePermissions.Write, NodeLink.AllPermissions));
        await GiveBackAsync();
        Assert.Throws<BlockException>(() => graph.Attach(writer, below, "root", ImagePermissions.Write, NodeLink.AllPermissions));
        graph.Detach(use);
    });

    private void Run(Func<Task> test) => disk.Run(test);

    private async Task TakeAsync(BlockNode below, BlockNode source, OverlayProtection wanted)
    {
        using var change = await graph.BeginChangeAsync();
        await GraphReopener.SetReadOnlyAsync(graph, below, readOnly: false);
        hold = await OverlayHold.TakeAsync(graph, below, source, wanted, user.Description, "it is held");
        hold.UseBy(user);
    }

    private async Task GiveBackAsync()
    {
        using var change = await graph.BeginChangeAsync();
        await hold!.GiveBackAsync();
    }

    private async Task<BlockNode> AddAsync(string name, string? backing, bool isReadOnly = true)
    {
        var options = $"driver={(backing == null ? "raw" : "qcow2")},node-name={name},read-only={(isReadOnly ? "on" : "off")},file.driver=file,file.filename=/t/{name}";
        using var change = await graph.BeginChangeAsync();
        return await GraphOpener.AddAsync(graph, OptionTree.ParseKeyValues(options + (backing == null ? "" : $",backing={backing}")));
    }

    private async Task WriteAsync(BlockNode node, long offset, byte value)
    {
        using var buffer = buffers.Rent(4096);
        buffer.Span.Fill(value);
        await node.WriteAsync(offset, buffer.Memory);
    }
}
