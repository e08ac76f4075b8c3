using BenchmarkDotNet.Attributes;
using BlockUring.Bitmaps;

namespace BlockUring.Benchmarks;

/// <summary>A bitmap over 16 TiB at 64 KiB with 1,000 dirty chunks anywhere.</summary>
[MemoryDiagnoser]
public class DirtyBitmapBenchmarks
{
    private const long Length = 16L << 40;
    private const int DirtyCount = 1000;

    private readonly DirtyBitmapList list = [new DirtyBitmap("x", Length, 65536)];
    private readonly DirtyBitmapList none = [];
    private readonly long[] offsets = new long[DirtyCount];

    [GlobalSetup]
    public void Fill()
    {
        var random = new Random(1);
        for (var i = 0; i < DirtyCount; i++)
        {
            offsets[i] = random.NextInt64(Length) & -65536;
            list[0].Set(offsets[i], 1);
        }
    }

    [Benchmark]
    public long WalkAll()
    {
        var total = 0L;
        for (long at = 0; list[0].NextDirtyArea(at, Length, Length, out var offset, out var length); at = offset + length)
            total += length;
        return total;
    }

    [Benchmark(OperationsPerInvoke = DirtyCount)]
    public void ResetAndMark()
    {
        foreach (var offset in offsets)
        {
            list[0].Reset(offset, 65536);
            list.MarkWritten(offset, 4096);
        }
    }

    [Benchmark(OperationsPerInvoke = DirtyCount)]
    public void MarkWithoutBitmaps()
    {
        foreach (var offset in offsets)
            none.MarkWritten(offset, 4096);
    }

    [Benchmark]
    public void SetAllAndClear()
    {
        var bitmap = new DirtyBitmap(null, Length, 65536);
        bitmap.Set(1, Length - 2);
        bitmap.Reset(65536, Length - 65536);
    }
}
