using BenchmarkDotNet.Attributes;
using BlockUring.Native.Uring;

namespace BlockUring.Benchmarks;

/// <summary>Round trips through a real ring; a figure is the time of one operation.</summary>
[MemoryDiagnoser]
public class RingBenchmarks
{
    private const int Operations = 200_000;
    private const int FileLength = 16 << 20;

    private string path = "";

    [Params(1, 64)]
    public int Depth { get; set; }

    [GlobalSetup]
    public void MakeFile()
    {
        path = Path.Combine(Path.GetTempPath(), $"blockuring-bench-{Environment.ProcessId}");
        var content = new byte[FileLength];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(path, content);
    }

    [GlobalCleanup]
    public void DeleteFile() => File.Delete(path);

    [Benchmark(OperationsPerInvoke = Operations)]
    public int Nop() => RunLoops(async (thread, count) =>
    {
        for (var i = 0; i < count; i++)
            await thread.Queue.NopAsync();
    });

    [Benchmark(OperationsPerInvoke = Operations)]
    public int CachedRead4KiB()
    {
        using var handle = File.OpenHandle(path);
        var file = new BenchTarget((int)handle.DangerousGetHandle());
        return RunLoops(async (thread, count) =>
        {
            using var buffer = thread.Buffers.Rent(4096);
            for (var i = 0; i < count; i++)
                await thread.Queue.ReadAsync(file, (i * 4096L) & (FileLength - 1), buffer.Memory);
        });
    }

    [Benchmark(OperationsPerInvoke = Operations / 10)]
    public int Offload() => RunLoops(
        async (thread, count) =>
        {
            var item = new EmptyItem();
            for (var i = 0; i < count; i++)
                await thread.OffloadAsync(item);
        },
        Operations / 10);

    private int RunLoops(Func<IoThread, int, Task> loop, int operations = Operations) => IoThread.Run(new IoThreadOptions(), async thread =>
    {
        await Task.WhenAll(Enumerable.Range(0, Depth).Select(_ => loop(thread, operations / Depth)));
        return 0;
    });

    private sealed class EmptyItem : WorkItem
    {
        protected override void Execute()
        {
        }
    }

    private sealed class BenchTarget(int descriptor) : IoTarget(descriptor, 0)
    {
        protected internal override Exception Failure(IoKind kind, long offset, long length, int errno) => new IOException($"{kind}: {errno}");
    }
}
