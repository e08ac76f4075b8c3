using BlockUring.Images.Qcow2;
using CsCheck;
using Xunit;

namespace BlockUring.Tests.Images.Qcow2;

public sealed class RefcountEntriesTests
{
    [Fact]
    public void Counts_of_every_width_are_kept_apart()
    {
        (from order in Gen.Int[0, 6] from counts in Gen.ULong.Array[8, 64] select (order, counts)).Sample(
            t =>
            {
                var block = new byte[512];
                var expected = t.counts.Select(c => c & RefcountEntries.Max(t.order)).ToArray();
                for (var i = 0; i < expected.Length; i++)
                    RefcountEntries.Set(block, t.order, i, RefcountEntries.Max(t.order));
                for (var i = 0; i < expected.Length; i++)
                    RefcountEntries.Set(block, t.order, i, expected[i]);
                for (var i = 0; i < expected.Length; i++)
                    Assert.Equal(expected[i], RefcountEntries.Get(block, t.order, i));
                Assert.Equal(expected.Count(c => c != 0), RefcountEntries.CountUsed(block, t.order, expected.Length));
            },
            iter: 2000,
            seed: "0000KOIPe036");
    }

    [Fact]
    public void Filling_sets_ones_and_then_zeroes()
    {
        (from order in Gen.Int[0, 6] from ones in Gen.Int[0, 5000] select (order, ones)).Sample(
            t =>
            {
                var block = new byte[512];
                Array.Fill(block, (byte)0xee);
                RefcountEntries.FillOnes(block, t.order, t.ones);
                var total = 4096 >> t.order;
                for (var i = 0; i < total; i++)
                    Assert.Equal(i < t.ones ? 1ul : 0, RefcountEntries.Get(block, t.order, i));
            },
            iter: 500,
            seed: "0000KOIPe036");
    }

    [Fact]
    public void The_first_of_small_counts_is_in_the_lowest_bits()
    {
        var block = new byte[8];
        RefcountEntries.Set(block, 2, 0, 0x3);
        RefcountEntries.Set(block, 2, 1, 0xa);
        Assert.Equal(0xa3, block[0]);
        RefcountEntries.Set(block, 4, 1, 0x1234);
        Assert.Equal([0x12, 0x34], block[2..4]);
    }

    [Fact]
    public void A_count_beyond_the_width_is_a_broken_invariant() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => RefcountEntries.Set(new byte[8], 1, 0, 4));
}
