using System.Runtime.CompilerServices;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using Xunit;

namespace BlockUring.NativeTests.Uring;

public class AllocationTests
{
    private const int WarmUp = 2000;
    private const int Count = 5000;

    [Fact]
    public void NopsAwaitedDirectlyAllocateNothing() =>
        DemandNoAllocation(async (thread, _, _, count) =>
        {
            for (var i = 0; i < count; i++)
                await thread.Queue.NopAsync();
        });

    [Fact]
    public void ReadsAndWritesAwaitedDirectlyAllocateNothing() =>
        DemandNoAllocation(async (thread, file, buffer, count) =>
        {
            for (var i = 0; i < count; i++)
            {
                await thread.Queue.WriteAsync(file, (i & 7) * 4096, buffer.Memory);
                await thread.Queue.ReadAsync(file, (i & 7) * 4096, buffer.Memory);
            }
        });

    [Fact]
    public void ReadsThroughOnePooledLayerAllocateNothing()
    {
#if DEBUG
        Assert.Skip("in a debug build the compiler makes state machines classes: run in Release");
#endif
        DemandNoAllocation(async (thread, file, buffer, count) =>
        {
            for (var i = 0; i < count; i++)
                await ReadThroughLayer(thread, file, buffer);
        });
    }

    [Fact]
    public void ReadsOfRentedBuffersInABatchAllocateNothing()
    {
        var pending = new ValueTask[16];
        var buffers = new IoBuffer[16];
        DemandNoAllocation(async (thread, file, _, count) =>
        {
            for (var i = 0; i < count / pending.Length; i++)
            {
                for (var k = 0; k < pending.Length; k++)
                {
                    buffers[k] = thread.Buffers.Rent(4096);
#pragma warning disable CA2012 // Each is awaited once, below.
                    pending[k] = thread.Queue.ReadAsync(file, k * 4096, buffers[k].Memory);
#pragma warning restore CA2012
                }

                for (var k = 0; k < pending.Length; k++)
                {
                    await pending[k];
                    buffers[k].Dispose();
                }
            }
        });
    }

    [Fact]
    public void YieldsAllocateNothing() =>
        DemandNoAllocation(async (thread, _, _, count) =>
        {
            for (var i = 0; i < count; i++)
                await thread.YieldAsync();
        });

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask ReadThroughLayer(IoThread thread, TestTarget file, IoBuffer buffer) =>
        await thread.Queue.ReadAsync(file, 4096, buffer.Memory);

    private static void DemandNoAllocation(Func<IoThread, TestTarget, IoBuffer, int, Task> body) => RingHost.Run(async thread =>
    {
        using var temp = new TempFile(64 << 10);
        using var file = temp.Open();
        using var buffer = thread.Buffers.Rent(4096);
        await body(thread, file, buffer, WarmUp);
        var before = GC.GetAllocatedBytesForCurrentThread();
        await body(thread, file, buffer, Count);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // The two calls of the body cost a task and a state machine each: some hundred bytes, whatever the count.
        Assert.True(allocated < 1000, $"{allocated} bytes for {Count} operations");
    });
}
