using System.Security.Cryptography;
using BlockUring.Bitmaps;
using BlockUring.Storage;
using CsCheck;
using Xunit;

namespace BlockUring.Tests.Bitmaps;

public class DirtyBitmapTests
{
    [Fact]
    public void Behaves_as_one_bool_a_chunk() =>
        Gen.Select(Gen.Int, Gen.Int[9, 14], Gen.Long[0, 40_000_000]).Sample((seed, bits, length) =>
        {
            var random = new Random(seed);
            var model = new BitmapModel(random, random.Next(4) == 0 ? length % 70_000 : length, 1 << bits);
            for (var i = 0; i < 25; i++)
            {
                model.Change();
                model.Check();
            }
        }, iter: 200);

    [Theory]
    [InlineData(512, (1L << 53) + 1)]
    [InlineData(65536, (1L << 62) - 513)]
    [InlineData(1 << 30, DirtyBitmap.MaxLength)]
    [InlineData(512, DirtyBitmap.MaxLength)]
    public void Far_ends_are_as_good_as_near_ones(int granularity, long length)
    {
        var bitmap = new DirtyBitmap(null, length, granularity);
        bitmap.Set(length - 1, 1);
        var last = (length - 1) & -(long)granularity;
        Assert.Equal(last, bitmap.NextDirty(0, length));
        Assert.Equal(length - 1, bitmap.NextDirty(length - 1, length));
        Assert.Equal(granularity, bitmap.Count);
        bitmap.SetAll();
        Assert.Equal(-1, bitmap.NextClean(0, length));
        bitmap.Reset(last, length - last);
        Assert.Equal(last, bitmap.NextClean(0, length));
        Assert.True(bitmap.NextDirtyArea(1, length, long.MaxValue, out var offset, out var run));
        Assert.Equal((1, last - 1), (offset, run));
        bitmap.Truncate(granularity);
        Assert.Equal(-1, bitmap.NextClean(0, granularity));
        bitmap.Truncate(length);
        Assert.Equal(granularity, bitmap.NextClean(0, length));
        Assert.Equal(granularity, bitmap.Count);
    }

    [Fact]
    public void An_empty_disk_has_no_chunk()
    {
        var bitmap = new DirtyBitmap("x", 0, 512);
        bitmap.SetAll();
        bitmap.Set(0, 0);
        bitmap.Reset(0, 0);
        Assert.True(bitmap.IsAllClean);
        Assert.Equal(-1, bitmap.NextDirty(0, 0));
        Assert.Equal(-1, bitmap.NextClean(0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => bitmap.Set(0, 1));
    }

    [Fact]
    public void What_is_sparse_takes_little_memory()
    {
        const long Length = 16L << 40;
        var random = new Random(5);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var bitmap = new DirtyBitmap(null, Length, 65536);
        for (var i = 0; i < 1000; i++)
            bitmap.Set(random.NextInt64(Length), 1);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 4 << 20);
    }

    [Fact]
    public void The_worst_pattern_of_16_TiB_takes_less_than_40_MiB()
    {
        // Every page that can be is neither all clean nor all dirty.
        var before = GC.GetAllocatedBytesForCurrentThread();
        var bitmap = new DirtyBitmap(null, 16L << 40, 65536);
        for (var at = 0L; at < bitmap.Length; at += 4096L << 16)
            bitmap.Set(at, 1);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 32 << 20, 40 << 20);
    }

    [Fact]
    public void Setting_and_resetting_by_turns_allocates_nothing()
    {
        var list = new DirtyBitmapList { new("x", 16L << 40, 65536) };
        list.MarkWritten(1L << 40, 1);
        list[0].Reset(1L << 40, 65536);
        list.MarkWritten(1L << 40, 1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            list[0].Reset(1L << 40, 65536);
            list.MarkWritten(1L << 40, 1);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Only_whole_chunks_are_made_clean()
    {
        var bitmap = new DirtyBitmap("x", 10_000, 4096);
        Assert.Throws<ArgumentException>(() => bitmap.Reset(512, 4096));
        Assert.Throws<ArgumentException>(() => bitmap.Reset(0, 512));
        bitmap.SetAll();
        bitmap.Reset(8192, 10_000 - 8192);
        Assert.Equal(8192, bitmap.Count);
    }

    [Fact]
    public void Stored_bits_come_back()
    {
        var random = new Random(9);
        var bitmap = new DirtyBitmap("x", 777 * 512, 512);
        for (var i = 0; i < 50; i++)
            bitmap.Set(random.NextInt64(700 * 512), random.Next(5000));
        var stored = new byte[104];
        bitmap.ReadBits(0, stored);
        stored[^1] = 0xff;
        var loaded = new DirtyBitmap("y", bitmap.Length, 512);
        loaded.IncludeBits(0, stored);
        Assert.Equal(bitmap.Sha256Hex, loaded.Sha256Hex);
        Assert.Equal(bitmap.Count, loaded.Count);
    }

    [Fact]
    public void The_digest_is_over_little_endian_words_of_64_chunks()
    {
        var bitmap = new DirtyBitmap("x", 65 * 512, 512);
        bitmap.Set(1, 1);
        bitmap.Set(64 * 512, 1);
        byte[] words = [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(words)), bitmap.Sha256Hex);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(new byte[8])), new DirtyBitmap("x", 0, 512).Sha256Hex);
    }

    [Fact]
    public void Bitmaps_of_disks_that_differ_in_length_are_not_merged()
    {
        var bitmap = new DirtyBitmap("x", 1 << 20, 512);
        bitmap.Set(0, 1);
        var error = Assert.Throws<BlockException>(() => bitmap.CopyFrom(new DirtyBitmap("y", 2 << 20, 512)));
        Assert.Equal("Bitmaps are of different sizes (destination size is 1048576, source size is 2097152) and can't be merged", error.Message);
        Assert.Equal(512, bitmap.Count);
    }
}
