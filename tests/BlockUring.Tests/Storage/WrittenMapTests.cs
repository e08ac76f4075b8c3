using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Storage;

public class WrittenMapTests
{
    [Theory]
    [InlineData(1, 1L << 30)]
    [InlineData(2, 1L << 33)]
    [InlineData(3, 1L << 41)]
    public void NothingWrittenIsEverCalledUnwritten(int seed, long length)
    {
        var random = new Random(seed);
        var map = new WrittenMap();
        var written = new List<(long Start, long Stop)>();
        for (var i = 0; i < 300; i++)
        {
            var start = random.NextInt64(length >> random.Next(20));
            var stop = start + 1 + random.NextInt64(1L << random.Next(24));
            map.Mark(start, stop);
            written.Add((start, stop));
            Check(map, written, random.NextInt64(length), length, seed);
        }

        for (long offset = 0; offset < length;)
            offset = Check(map, written, offset, length, seed);
    }

    [Fact]
    public void WhatLiesFarFromAnyWriteIsUnwritten()
    {
        var map = new WrittenMap();
        map.Mark(5 << 20, (5 << 20) + 1);
        Assert.Equal(5 << 20, map.RunStop(0, 1L << 40, out var isWritten));
        Assert.False(isWritten);
        Assert.Equal((5 << 20) + 65536, map.RunStop(5 << 20, 1L << 40, out isWritten));
        Assert.True(isWritten);
        Assert.Equal(1L << 40, map.RunStop((5 << 20) + 65536, 1L << 40, out isWritten));
        Assert.False(isWritten);
    }

    private static long Check(WrittenMap map, List<(long Start, long Stop)> written, long offset, long limit, int seed)
    {
        var stop = map.RunStop(offset, limit, out var isWritten);
        Assert.InRange(stop, offset + 1, limit);
        if (!isWritten)
            Assert.True(!written.Any(w => w.Start < stop && offset < w.Stop), $"seed {seed}: {offset} to {stop} was written");
        return stop;
    }
}
