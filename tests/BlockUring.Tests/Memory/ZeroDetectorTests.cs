using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using BlockUring.Native.Memory;
using CsCheck;
using Xunit;

namespace BlockUring.Tests.Memory;

public sealed class ZeroDetectorTests
{
    private const int Guard = 64;

    public static TheoryData<string> Paths =>
        [.. Enum.GetValues<ZeroPath>().Where(ZeroDetector.IsSupported).Select(path => path.ToString())];

    [Theory]
    [MemberData(nameof(Paths))]
    public void Every_path_finds_one_byte_at_every_position_of_every_length(string pathName)
    {
        ZeroPath path = Enum.Parse<ZeroPath>(pathName);
        Random random = new(1);
        for (int length = 0; length <= 300; length++)
        {
            Span<byte> span = Guarded(length, random.Next(Guard));
            Assert.True(ZeroDetector.IsZero(path, span), $"zero, length {length}");
            for (int position = 0; position < length; position++)
            {
                span[position] = (byte)(1 << random.Next(8));
                Assert.False(ZeroDetector.IsZero(path, span), $"length {length}, byte {position}");
                span[position] = 0;
            }
        }
    }

    [Fact]
    public void The_dispatched_scan_finds_one_byte_at_every_position_of_every_length()
    {
        Random random = new(2);
        for (int length = 0; length <= 300; length++)
        {
            Span<byte> span = Guarded(length, random.Next(Guard));
            Assert.True(ZeroDetector.IsZero(span), $"zero, length {length}");
            for (int position = 0; position < length; position++)
            {
                span[position] = 0x80;
                Assert.False(ZeroDetector.IsZero(span), $"length {length}, byte {position}");
                span[position] = 0;
            }
        }
    }

    [Fact]
    public void All_paths_agree_with_the_scalar_one_on_sparse_memory()
    {
        Gen.Select(Gen.Int[0, 8192], Gen.Int[0, 63], Gen.Int[0, 3], Gen.Int[0, int.MaxValue]).Sample(
            (length, offset, count, seed) =>
            {
                Random random = new(seed);
                Span<byte> span = Guarded(length, offset);
                for (int i = 0; i < count && length > 0; i++)
                    span[random.Next(length)] = (byte)random.Next(1, 256);
                bool expected = span.IndexOfAnyExcept((byte)0) < 0;
                foreach (ZeroPath path in Enum.GetValues<ZeroPath>().Where(ZeroDetector.IsSupported))
                {
                    if (ZeroDetector.IsZero(path, span) != expected)
                        return false;
                }

                return ZeroDetector.IsZero(span) == expected;
            },
            seed: "0000XIXmIjS4",
            iter: 5000);
    }

    [Fact]
    public void Runs_cover_the_memory_alternate_and_agree_with_a_block_by_block_look()
    {
        Gen.Select(Gen.Int[0, 5000], Gen.Int[1, 700], Gen.Int[0, 12], Gen.Int[0, int.MaxValue]).Sample(
            (length, granularity, count, seed) =>
            {
                Random random = new(seed);
                Span<byte> span = Guarded(length, random.Next(Guard));
                for (int i = 0; i < count && length > 0; i++)
                    span[random.Next(length)] = 1;
                AssertRuns(span, granularity);
            },
            seed: "0000XIXmIjS4",
            iter: 5000);
    }

    [Fact]
    public void An_empty_span_is_a_zero_run_of_no_bytes()
    {
        Assert.Equal(0, ZeroDetector.FirstRun([], 512, out bool isZero));
        Assert.True(isZero);
        Assert.True(ZeroDetector.IsZero([]));
    }

    [Fact]
    public void A_granularity_larger_than_the_memory_is_one_short_block()
    {
        Assert.Equal(5, ZeroDetector.FirstRun([0, 0, 1, 0, 0], int.MaxValue, out bool isZero));
        Assert.False(isZero);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-512)]
    public void A_granularity_that_is_not_positive_is_refused(int granularity) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ZeroDetector.FirstRun(new byte[8], granularity, out _));

    [Fact]
    public void The_path_named_is_the_best_the_CPU_has()
    {
        string best = Avx2.IsSupported ? "avx2" : Sse2.IsSupported ? "sse2" : AdvSimd.Arm64.IsSupported ? "advsimd" : "scalar";
        Assert.Equal(best, ZeroDetector.Path);
    }

    [Fact]
    public void Scanning_allocates_nothing()
    {
        byte[] memory = new byte[65536];
        memory[40000] = 1;
        _ = ZeroDetector.FirstRun(memory, 4096, out _);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            _ = ZeroDetector.FirstRun(memory, 4096, out _);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>Zero bytes at an odd place, between bytes that are not zero and that no scan may see.</summary>
    private static Span<byte> Guarded(int length, int offset)
    {
        byte[] memory = new byte[Guard + offset + length + Guard];
        memory.AsSpan().Fill(0xFF);
        Span<byte> span = memory.AsSpan(Guard + offset, length);
        span.Clear();
        return span;
    }

    private static void AssertRuns(ReadOnlySpan<byte> span, int granularity)
    {
        bool? previous = null;
        int at = 0;
        while (at < span.Length)
        {
            int run = ZeroDetector.FirstRun(span[at..], granularity, out bool isZero);
            Assert.NotEqual(previous, isZero);
            Assert.True(run > 0 && run <= span.Length - at);
            Assert.True(run % granularity == 0 || at + run == span.Length);
            for (int block = at; block < at + run; block += granularity)
            {
                ReadOnlySpan<byte> piece = span[block..Math.Min(block + granularity, at + run)];
                Assert.Equal(piece.IndexOfAnyExcept((byte)0) < 0, isZero);
            }

            at += run;
            previous = isZero;
        }
    }
}
