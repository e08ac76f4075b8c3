using BlockUring.Nbd.Client;
using Xunit;

namespace BlockUring.Tests.Nbd.Client;

/// <summary>Parts of a range in any order are counted once each.</summary>
public sealed class NbdPiecesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Parts_cover_a_range_once_and_in_any_order(int seed)
    {
        var random = new Random(seed);
        var pieces = new NbdPieces();
        var covered = new bool[300];
        for (var i = 0; i < 30_000; i++)
        {
            var start = random.Next(covered.Length);
            var length = random.Next(1, Math.Min(covered.Length - start, 5) + 1);
            var isFree = !covered.AsSpan(start, length).Contains(true);
            Assert.Equal(isFree, pieces.TryAdd(start, length));
            if (isFree)
                covered.AsSpan(start, length).Fill(true);
            Assert.Equal(!covered.Contains(false), pieces.Covers(covered.Length));
        }

        Assert.True(pieces.Covers(covered.Length));
    }

    [Fact]
    public void Too_many_gaps_are_refused()
    {
        var pieces = new NbdPieces();
        var count = 0;
        while (pieces.TryAdd(count * 2, 1))
            count++;
        Assert.Equal(1024, count);
    }
}
