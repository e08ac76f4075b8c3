using System.Diagnostics;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Storage;

public class HostFileAllocationTests
{
    [Theory]
    [InlineData("here", true, 0, 16)]
    [InlineData("here", false, 0, 16)]
    [InlineData("tmpfs", true, 0, 16)]
    [InlineData("tmpfs", true, 100, 1)]
    public void SteadyReadsAndWritesAllocateNothing(string kind, bool direct, int shift, int depth)
    {
#if DEBUG
        Assert.SkipWhen(shift != 0, "without optimisation each async method allocates its state");
#endif
        using var place = HostPlace.Make(kind, "size=128m");
        var allocated = IoThread.Run(new IoThreadOptions(), async thread =>
        {
            var options = new FileOpenOptions(ReadOnly: false, Cache: direct ? CacheMode.None : CacheMode.Unsafe);
            await using var file = await new LinuxFileHost(thread).CreateAsync(place.Path, 64 << 20, PreallocationMode.Full, options);
            var buffers = Enumerable.Range(0, depth).Select(_ => file.Buffers.Rent(8192)).ToArray();
            await RunAsync(file, buffers, 20_000, shift, writeEvery: 8);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var clock = Stopwatch.GetTimestamp();
            await RunAsync(file, buffers, 100_000, shift, writeEvery: int.MaxValue);
            var seconds = Stopwatch.GetElapsedTime(clock).TotalSeconds;
            await RunAsync(file, buffers, 20_000, shift, writeEvery: 8);
            var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            TestContext.Current.TestOutputHelper?.WriteLine($"{100_000 / seconds:N0} reads/s, {bytes} bytes allocated");
            foreach (var buffer in buffers)
                buffer.Dispose();
            return bytes;
        });

        // The loops cost their tasks and generators, once: well below a byte for each request.
        Assert.InRange(allocated, 0, 32768);
    }

    // As many loops as buffers, each with one request in flight.
    private static Task RunAsync(BlockFile file, IoBuffer[] buffers, int count, int shift, int writeEvery) =>
        Task.WhenAll(buffers.Select((buffer, index) => LoopAsync(file, buffer, count / buffers.Length, shift, writeEvery, new Random(index))));

    private static async Task LoopAsync(BlockFile file, IoBuffer buffer, int count, int shift, int writeEvery, Random random)
    {
        for (var i = 0; i < count; i++)
        {
            var memory = buffer.Memory.Slice(shift, 4096);
            var offset = ((long)random.Next(16000) << 12) + shift;
            if (i % writeEvery == writeEvery - 1)
                await file.WriteAsync(offset, memory);
            else
                await file.ReadAsync(offset, memory);
        }
    }
}
