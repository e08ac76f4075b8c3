using BenchmarkDotNet.Attributes;
using BlockUring.Native.Memory;

namespace BlockUring.Benchmarks;

[MemoryDiagnoser]
public class BufferPoolBenchmarks
{
    private readonly BufferPool pool = new();
    private readonly IoBuffer[] held = new IoBuffer[16];

    [Params(4096, 1 << 20)]
    public int Length { get; set; }

    [GlobalCleanup]
    public void Unmap() => pool.Dispose();

    [Benchmark]
    public void RentAndReturn() => pool.Rent(Length).Dispose();

    [Benchmark(OperationsPerInvoke = 16)]
    public void RentSixteenAndReturnThem()
    {
        for (var i = 0; i < held.Length; i++)
            held[i] = pool.Rent(Length);
        foreach (var buffer in held)
            buffer.Dispose();
    }
}
