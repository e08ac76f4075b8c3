using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using BlockUring.Native.Memory;
using CsCheck;
using Xunit;

namespace BlockUring.Tests.Native;

public class BufferPoolTests
{
    private const int Block = 4096;

    // A length to rent, or minus one less than the index of a buffer to return.
    private static readonly Gen<int[]> Steps =
        Gen.OneOf(Gen.Int[1, 200_000], Gen.Int[1, 20_000], Gen.Int[-1000, -1], Gen.Int[-1000, -1]).Array[1, 300];

    [Fact]
    public void BuffersNeverOverlapAndKeepTheirBytes() =>
        Steps.Sample(steps =>
        {
            using var pool = new BufferPool(maxBytes: 64 << 20, arenaLength: 1 << 20);
            var rented = new List<(IoBuffer Buffer, byte Mark)>();
            byte mark = 0;
            foreach (var step in steps)
            {
                if (step > 0)
                {
                    var buffer = pool.Rent(step);
                    Assert.Equal(step, buffer.Length);
                    Assert.True(buffer.Memory.IsAligned(BufferPool.Alignment));
                    buffer.Span.Fill(++mark);
                    rented.Add((buffer, mark));
                }
                else if (rented.Count > 0)
                {
                    var index = -step % rented.Count;
                    Return(rented[index]);
                    rented.RemoveAt(index);
                }

                Assert.Equal(rented.Sum(r => BlockOf(r.Buffer.Length)), pool.RentedBytes);
                Assert.True(pool.RentedBytes <= pool.MappedBytes);
            }

            rented.ForEach(Return);
            Assert.Equal(0, pool.RentedBytes);
        });

    [Fact]
    public void BuffersOfOneArenaLieApart() =>
        Gen.Int[1, 100_000].Array[1, 60].Sample(lengths =>
        {
            using var pool = new BufferPool(maxBytes: 64 << 20, arenaLength: 1 << 20);
            var places = lengths.Select(pool.Rent).Select(b => (Start: AddressOf(b), End: AddressOf(b) + b.Length)).Order().ToArray();
            for (var i = 1; i < places.Length; i++)
                Assert.True(places[i - 1].End <= places[i].Start);
        });

    [Fact]
    public void ReturnedBlocksMergeBackToOne() =>
        Gen.Select(Gen.Int[1, 60_000].Array[1, 200], Gen.Int).Sample((lengths, seed) =>
        {
            const int arena = 1 << 20;
            using var pool = new BufferPool(maxBytes: 64 << 20, arenaLength: arena);
            var rented = lengths.Select(pool.Rent).ToArray();
            var mapped = pool.MappedBytes;
            new Random(seed).Shuffle(rented);
            foreach (var buffer in rented)
                buffer.Dispose();

            // As many whole arenas as were mapped can be rented without mapping more.
            var whole = Enumerable.Range(0, (int)(mapped / arena)).Select(_ => pool.Rent(arena)).ToArray();
            Assert.Equal(mapped, pool.MappedBytes);
            Assert.Equal(mapped, pool.RentedBytes);
            foreach (var buffer in whole)
                buffer.Dispose();
        });

    [Fact]
    public void TheLimitHoldsAndIsReachedExactly() =>
        Gen.Select(Gen.Int[1, 64], Gen.Int[0, 6]).Sample((blocks, order) =>
        {
            var length = (64 << 10) << order;
            var max = (long)blocks * (64 << 10);
            using var pool = new BufferPool(max, arenaLength: 4 << 20);
            var rented = new List<IoBuffer>();
            while (true)
            {
                try
                {
                    rented.Add(pool.Rent(length));
                }
                catch (InsufficientMemoryException)
                {
                    break;
                }

                Assert.True(pool.MappedBytes <= max);
            }

            Assert.Equal(max / length, rented.Count);
            rented.ForEach(b => b.Dispose());
        });

    [Fact]
    public void AtTheLimitIdleArenasGiveWayToALongBuffer()
    {
        var registrar = new FakeRegistrar(8);
        using var pool = new BufferPool(maxBytes: 4 << 20, arenaLength: 1 << 20);
        pool.AttachRegistrar(registrar);
        foreach (var buffer in Enumerable.Range(0, 4).Select(_ => pool.Rent(1 << 20)).ToArray())
            buffer.Dispose();
        Assert.Equal(4 << 20, pool.MappedBytes);
        Assert.Equal(4, registrar.UsedCount);
        using (var longer = pool.Rent(2 << 20))
        {
            longer.Span.Fill(1);
            Assert.Equal(2 << 20, pool.MappedBytes);
            Assert.Equal(1, registrar.UsedCount);
            Assert.Throws<InsufficientMemoryException>(() => pool.Rent(4 << 20));
        }

        using var longest = pool.Rent(4 << 20);
        longest.Span.Fill(2);
        Assert.Equal(4 << 20, pool.MappedBytes);
    }

    [Fact]
    public void RegisteredIndexesPointAtTheBytes() =>
        Steps.Sample(steps =>
        {
            var registrar = new FakeRegistrar(2);
            using var pool = new BufferPool(maxBytes: 4 << 20, arenaLength: 256 << 10);
            using var early = pool.Rent(1);
            pool.AttachRegistrar(registrar);
            var rented = new List<IoBuffer>();
            foreach (var step in steps)
            {
                try
                {
                    if (step > 0)
                        rented.Add(pool.Rent(step));
                    else if (rented.Count > 0)
                        Take(rented, -step % rented.Count).Dispose();
                }
                catch (InsufficientMemoryException)
                {
                    Take(rented, 0).Dispose();
                }

                Assert.All(rented, b => Assert.True(b.RegisteredIndex < 0 || registrar.Covers(b.RegisteredIndex, AddressOf(b), b.Length)));
            }

            Assert.Equal(-1, early.RegisteredIndex);
            rented.ForEach(b => b.Dispose());
            pool.DetachRegistrar();
            using var late = pool.Rent(1);
            Assert.Equal(-1, late.RegisteredIndex);
        });

    [Fact]
    public void ASecondReturnThrows()
    {
        using var pool = new BufferPool(arenaLength: 1 << 20);
        var buffer = pool.Rent(100);
        buffer.Dispose();
        Assert.Throws<InvalidOperationException>(buffer.Dispose);
        Assert.Equal(0, pool.RentedBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(BufferPool.MaxBufferLength + 1)]
    public void LengthsOutsideTheRangeAreRefused(int length)
    {
        using var pool = new BufferPool();
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Rent(length));
        Assert.Equal(0, pool.MappedBytes);
    }

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(int.MinValue)]
    public void AnyArenaLengthIsBroughtIntoItsRange(int arenaLength)
    {
        using var pool = new BufferPool(maxBytes: 1 << 20, arenaLength);
        using var buffer = pool.Rent(1 << 16);
        Assert.True(pool.MappedBytes is >= 1 << 16 and <= 1 << 20);
    }

    [Fact]
    public void SteadyRentingAllocatesNothing()
    {
        using var pool = new BufferPool(arenaLength: 1 << 20);
        RentAndReturn(pool);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            RentAndReturn(pool);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void SlicesStayInsideTheirBuffer()
    {
        using var pool = new BufferPool(arenaLength: 1 << 20);
        using var buffer = pool.Rent(100);
        var memory = buffer.Memory;
        Assert.Equal(0, memory.Slice(100).Length);
        Assert.Equal(30, memory.Slice(20).Slice(10, 30).Offset);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Slice(101));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Slice(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Slice(50, 51));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Slice(50).Slice(0, 51));
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Slice(0, -1));
    }

    private static void RentAndReturn(BufferPool pool)
    {
        using var a = pool.Rent(4096);
        using var b = pool.Rent(65536);
        using var c = pool.Rent(1);
    }

    private static void Return((IoBuffer Buffer, byte Mark) rented)
    {
        Assert.Equal(rented.Buffer.Length, rented.Buffer.Span.Count(rented.Mark));
        rented.Buffer.Dispose();
    }

    private static IoBuffer Take(List<IoBuffer> list, int index)
    {
        var buffer = list[index];
        list.RemoveAt(index);
        return buffer;
    }

    private static long BlockOf(int length)
    {
        long block = Block;
        while (block < length)
            block *= 2;
        return block;
    }

    private static nint AddressOf(IoBuffer buffer) =>
        Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref MemoryMarshal.GetReference(buffer.Span));
}
