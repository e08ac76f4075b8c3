using BenchmarkDotNet.Attributes;
using BlockUring.Native.Memory;

namespace BlockUring.Benchmarks;

[MemoryDiagnoser]
public class BufferPoolBenchmarks
{
    private static readonly BufferPool Pool = new();

    private readonly IoBuffer[] held = new IoBuffer[16];

    [Params(4096, 1 << 20)]
    public int Length { get; set; }

    [Benchmark]
    public void RentAndReturn() => Pool.Rent(Length).Dispose();

    [Benchmark(OperationsPerInvoke = 16)]
    public void RentSixteenAndReturnThem()
    {
        for (var i = 0; i < held.Length; i++)
            held[i] = Pool.Rent(Length);
        foreach (var buffer in held)
            buffer.Dispose();
    }
}
