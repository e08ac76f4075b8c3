using BenchmarkDotNet.Attributes;
using BlockUring.Storage;

namespace BlockUring.Benchmarks;

[MemoryDiagnoser]
public class RangeLockBenchmarks
{
    private const int Length = 65536;

    private readonly RangeLock ranges = new();

    /// <summary>Disjoint ranges held meanwhile.</summary>
    [Params(0, 16, 64)]
    public int HeldCount { get; set; }

    [GlobalSetup]
    public async Task Hold()
    {
        for (var i = 1; i <= HeldCount; i++)
            _ = await ranges.AcquireAsync(i * Length, (i + 1) * Length);
    }

    [Benchmark]
    public async ValueTask AcquireAndRelease()
    {
        var held = await ranges.AcquireAsync(0, Length);
        ranges.Release(held);
    }
}
