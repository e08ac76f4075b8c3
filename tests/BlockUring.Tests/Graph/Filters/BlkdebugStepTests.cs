using BlockUring.Graph;
using BlockUring.Native.Interop;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Graph.Filters;

/// <summary>
/// The life of a qcow2 image over a blkdebug filter: whatever point of it a rule names, a request fails there, once, with nothing lost: it is made
/// again, and all goes on.
/// </summary>
public sealed class BlkdebugStepTests : IDisposable
{
    private const string Top = "{'driver':'qcow2','node-name':'top','file':'debug','backing':'base','discard':'unmap'}";
    private const int Written = 160 << 10;
    private const int Compressed = 200 << 10;
    private const int Length = 256 << 10;
    private const int Longer = 4 << 20;

    private readonly GraphWorld world = new();
    private int failureCount;

    public void Dispose() => world.Dispose();

    [Theory]
    [InlineData(FileSteps.L2Load)]
    [InlineData(FileSteps.L2Update)]
    [InlineData(FileSteps.L2AllocWrite)]
    [InlineData(FileSteps.L1Update)]
    [InlineData(FileSteps.L1GrowAllocTable)]
    [InlineData(FileSteps.L1GrowWriteTable)]
    [InlineData(FileSteps.L1GrowActivateTable)]
    [InlineData(FileSteps.RefTableLoad)]
    [InlineData(FileSteps.RefTableUpdate)]
    [InlineData(FileSteps.RefBlockLoad)]
    [InlineData(FileSteps.RefBlockUpdate)]
    [InlineData(FileSteps.RefBlockUpdatePart)]
    [InlineData(FileSteps.RefBlockAlloc)]
    [InlineData(FileSteps.RefBlockAllocWrite)]
    [InlineData(FileSteps.RefBlockAllocHookup)]
    [InlineData(FileSteps.ClusterAlloc)]
    [InlineData(FileSteps.ClusterAllocBytes)]
    [InlineData(FileSteps.ClusterFree)]
    [InlineData(FileSteps.CowRead)]
    [InlineData(FileSteps.CowWrite)]
    [InlineData(FileSteps.ReadCompressed)]
    [InlineData(FileSteps.WriteCompressed)]
    [InlineData(FileSteps.ReadBackingAio)]
    [InlineData("read_aio")]
    [InlineData("write_aio")]
    [InlineData("flush_to_os")]
    public void ARequestFailsAtThatPointAndNothingIsLost(string step)
    {
        Make(step);
        Live();
        Assert.Equal(1, failureCount);
    }

    [Fact]
    public void WithoutARuleNothingFails()
    {
        Make("none', 'errno':0, 'iotype':'read");
        Live();
        Assert.Equal(0, failureCount);
    }

    private void Make(string step)
    {
        world.MakeQcow2("base", "cluster_size=512", Length);
        world.MakeQcow2("top", "cluster_size=512", Length);
        var below = world.Add("{'driver':'qcow2','node-name':'base','file':{'driver':'file','filename':'base'}}");
        world.Write(below, 0, Length, 9);
        world.Add($"{{'driver':'blkdebug','node-name':'debug','image':{{'driver':'file','filename':'top'}},'inject-error':[{{'event':'{step}','once':true}}]}}");
    }

    private void Live()
    {
        BlockNode top = null!, node = null!;
        void Open() => Try(async () => top = await GraphOpener.AddAsync(world.Graph, GraphWorld.Options(Top)));
        Open();
        Try(() => ReadAsync(top, 0, 1000));
        Try(() => world.WriteAsync(top, 1000, 100, 1));
        Try(() => world.WriteAsync(top, 2048, Written - 2048, 2));
        Try(() => top.FlushAsync());
        node = world.Add("{'driver':'compress','node-name':'c','file':'top'}");
        Try(() => world.WriteAsync(node, Compressed, 4096, 3));
        Try(() => top.FlushAsync());
        world.Delete("c");
        world.Delete("top");

        Open();
        Try(() => ReadAsync(top, Compressed, 4096));
        Try(() => world.WriteAsync(top, Compressed + 512, 512, 4));
        Try(() => top.DiscardAsync(2048, 8192));
        Try(() => top.FlushAsync());
        Try(() => top.ResizeAsync(Longer, PreallocationMode.Off));
        Try(() => world.WriteAsync(top, Longer - 512, 512, 5));
        Try(() => top.FlushAsync());

        world.Expect(top, 0, 1000, 9);
        world.Expect(top, 1000, 100, 1);
        world.Expect(top, 1100, 948, 9);
        world.Expect(top, 2048 + 8192, Written - 2048 - 8192, 2);
        world.Expect(top, Compressed, 512, 3);
        world.Expect(top, Compressed + 512, 512, 4);
        world.Expect(top, Compressed + 1024, 3072, 3);
        world.Expect(top, Longer - 512, 512, 5);
        world.Delete("top");
    }

    private async ValueTask ReadAsync(BlockNode node, long offset, int length) => await world.ReadAsync(node, offset, length);

    // Twice where it fails; then the rule is used up.
    private void Try(Func<ValueTask> request)
    {
        try
        {
            Finish(request());
        }
        catch (BlockException e)
        {
            Assert.Equal(Errno.EIO, e.ErrorNumber);
            failureCount++;
            Finish(request());
        }
    }

    private void Finish(ValueTask pending)
    {
        var task = pending.AsTask();
        for (var i = 0; i < 1000 && !task.IsCompleted; i++)
            world.Scheduler.Advance(TimeSpan.Zero);
        Assert.True(task.IsCompleted, "it waits");
        task.GetAwaiter().GetResult();
    }
}
