using BlockUring.Images.Qcow2;
using CsCheck;
using Xunit;

namespace BlockUring.Tests.Images.Qcow2;

public sealed class L2EntryTests
{
    [Fact]
    public void A_compressed_descriptor_comes_back_with_its_sectors()
    {
        var gen =
            from bits in Gen.Int[9, 21]
            from offset in Gen.Long[1, CompressedDescriptor.MaxHostOffset(bits)]
            from length in Gen.Int[1, (1 << bits) - 1]
            select (bits, offset, length);
        gen.Sample(
            t =>
            {
                var entry = CompressedDescriptor.Encode(t.offset, t.length, t.bits);
                Assert.True(new L2Entry(entry).IsCompressed);
                var decoded = CompressedDescriptor.Decode(entry, t.bits);
                Assert.Equal(t.offset, decoded.HostOffset);
                Assert.InRange(decoded.Length, t.length, t.length + CompressedDescriptor.SectorLength - 1);
                Assert.Equal(0, (decoded.HostOffset + decoded.Length) % CompressedDescriptor.SectorLength);
            },
            iter: 5000,
            seed: "0000KOIPe036");
    }

    [Fact]
    public void Subcluster_runs_are_those_found_one_by_one()
    {
        var gen =
            from allocated in Gen.UInt
            from zero in Gen.UInt
            from mode in Gen.Int[0, 3]
            from hasHost in Gen.Bool
            from start in Gen.Int[0, 31]
            select (Bitmap: Bitmap(allocated, zero, mode, hasHost), hasHost, start);
        gen.Sample(
            t =>
            {
                var entry = new L2Entry(t.hasHost ? 0x10000ul : 0, t.Bitmap);
                var kind = entry.Run(t.start, hasSubclusters: true, hasDataFile: false, out var count);
                var expected = 0;
                while (t.start + expected < 32 && KindOf(t.Bitmap, t.start + expected, t.hasHost) == kind)
                    expected++;
                Assert.Equal(KindOf(t.Bitmap, t.start, t.hasHost), kind);
                Assert.Equal(expected, count);
            },
            iter: 20000,
            seed: "0000KOIPe036");
    }

    [Theory]
    [InlineData(0x1ul, 0x100000001ul)]
    [InlineData(0ul, 0x1ul)]
    public void A_bitmap_that_contradicts_itself_is_invalid(ulong descriptorClusters, ulong bitmap)
    {
        var entry = new L2Entry(descriptorClusters << 16, bitmap);
        Assert.Equal(ClusterKind.Invalid, entry.Run(5, true, false, out _));
    }

    [Theory]
    [InlineData(0ul, false, 0)]
    [InlineData(0ul, true, 0)]
    [InlineData(L2Entry.CopiedFlag, false, 0)]
    [InlineData(L2Entry.CopiedFlag, true, 4)]
    [InlineData(1ul, false, 2)]
    [InlineData(0x10001ul, false, 3)]
    [InlineData(0x10000ul, false, 4)]
    [InlineData(L2Entry.CompressedFlag | 5, false, 5)]
    public void Standard_entries_are_told_apart(ulong descriptor, bool hasDataFile, int kind)
    {
        Assert.Equal((ClusterKind)kind, new L2Entry(descriptor).Run(0, false, hasDataFile, out var count));
        Assert.Equal(1, count);
    }

    private static ulong Bitmap(uint allocated, uint zero, int mode, bool hasHost)
    {
        // Long runs, not only noise.
        if (mode == 1)
            allocated = (uint)((1ul << (int)(allocated % 33)) - 1);
        if (mode == 2)
            zero = ~(uint)((1ul << (int)(zero % 33)) - 1);
        if (mode == 3)
            (allocated, zero) = (0, 0);
        if (!hasHost)
            allocated = 0;
        return ((ulong)(zero & ~allocated) << 32) | allocated;
    }

    private static ClusterKind KindOf(ulong bitmap, int subcluster, bool hasHost)
    {
        if ((bitmap >> (32 + subcluster) & 1) != 0)
            return hasHost ? ClusterKind.ZeroReserved : ClusterKind.Zero;
        if ((bitmap >> subcluster & 1) != 0)
            return ClusterKind.Data;
        return hasHost ? ClusterKind.UnallocatedReserved : ClusterKind.Unallocated;
    }
}
