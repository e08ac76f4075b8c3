using System.Diagnostics;
using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Images.Qcow2;

/// <summary>The check of hostile and of very large images: bounded time and memory, and a clear result.</summary>
public sealed class Qcow2CheckTests(ITestOutputHelper output)
{
    private const long OneMiB = 1 << 20;

    private readonly List<string> lines = [];

    [Fact]
    public void An_image_that_was_just_made_is_sound()
    {
        using var image = Qcow2TestImage.Create(64 * OneMiB);
        var result = Check(image);
        Assert.Empty(lines);
        Assert.Equal(new CheckResult { TotalClusters = 1024, ImageEndOffset = result.ImageEndOffset }, result);
    }

    [Fact]
    public void A_leak_and_a_missing_reference_are_told_apart()
    {
        using var image = Qcow2TestImage.Create(64 * OneMiB);
        var data = image.Append(new byte[65536]);
        image.SetEntry(0, L2Entry.ForData(data, false));
        var block = (long)image.Read64(image.Header.RefcountTableOffset);
        image.Patch32(block + ((data >> 16) * 2) + 4, 0x00010000);
        image.File.Write(data + (3 * 65536), new byte[1]);
        var result = Check(image);
        // The L2 table came after the data, and neither has a refcount.
        Assert.Equal(["ERROR", "ERROR", "Leaked", "ERROR", "ERROR"], lines.Select(l => l.Split(' ')[0]));
        Assert.Equal((4, 1), (result.Corruptions, result.Leaks));
        Assert.Equal($"Leaked cluster {(data >> 16) + 2} refcount=1 reference=0", lines[2]);
    }

    [Theory]
    [InlineData("cluster_size=64k")]
    [InlineData("cluster_size=2M")]
    [InlineData("cluster_size=512,refcount_bits=1")]
    public void An_L1_table_of_one_repeated_entry_ends_soon(string options)
    {
        using var image = Qcow2TestImage.Create(1 << 20, options);
        var cluster = image.Geometry.ClusterLength;
        var l2 = image.Append(new byte[cluster]);
        var data = image.Append(new byte[cluster]);
        var table = new byte[cluster];
        for (var i = 0; i < cluster; i += 8)
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(table.AsSpan(i), (ulong)data | L2Entry.CopiedFlag);
        image.File.Write(l2, table);
        const long Entries = 1 << 20;
        FillL1(image, (int)Entries, _ => (ulong)l2 | L1Table.CopiedFlag);
        var result = Check(image);
        Assert.True(result.Corruptions > 0);
        Assert.Equal(Entries * cluster / 8, result.AllocatedClusters);
        Assert.True(lines.Count <= CheckFindings.MaxLines + 1);
    }

    [Fact]
    public void References_left_out_by_repetition_are_counted_all_the_same()
    {
        using var image = Qcow2TestImage.Create(1 << 20, "cluster_size=64k,refcount_bits=64");
        var l2 = image.Append(new byte[65536]);
        var data = image.Append(new byte[65536]);
        image.Patch64(l2, (ulong)data);
        image.Patch64(l2 + 8, (ulong)data);
        FillL1(image, 100_000, _ => (ulong)l2);
        var result = Check(image);
        Assert.Contains($"ERROR cluster {l2 >> 16} refcount=0 reference=100000", lines);
        Assert.Contains($"ERROR cluster {data >> 16} refcount=0 reference=200000", lines);
        Assert.Equal(200_000, result.AllocatedClusters);
        Assert.Equal(100_000, result.FragmentedClusters);
    }

    [Fact]
    public void Damaged_tables_that_repeat_are_counted_without_a_line_each()
    {
        using var image = Qcow2TestImage.Create(1 << 20, "cluster_size=64k,refcount_bits=64");
        var l2 = image.Append(new byte[65536]);
        for (var i = 0; i < 8192; i++)
            image.Patch64(l2 + (i * 8), 2);
        FillL1(image, 1_000_000, _ => (ulong)l2);
        var result = Check(image);
        Assert.True(result.Corruptions >= 8192L * 1_000_000);
        Assert.Equal(CheckFindings.MaxLines + 1, lines.Count);
        Assert.Contains("not listed", lines[^1]);
    }

    [Fact]
    public void Tables_that_overlap_end_the_check_with_an_error()
    {
        using var image = Qcow2TestImage.Create(1 << 20, "cluster_size=2M");
        var start = image.Append(new byte[40 * OneMiB]);
        image.File.Write(start, Enumerable.Repeat((byte)1, (int)(40 * OneMiB)).ToArray());
        FillL1(image, 70_000, i => (ulong)(start + (i * 512)));
        var error = Assert.Throws<BlockException>(() => Check(image));
        Assert.Contains("overlap", error.Message);
    }

    [Fact]
    public void Tables_beyond_the_end_and_in_holes_are_not_read()
    {
        using var image = Qcow2TestImage.Create(1 << 20, "cluster_size=2M");
        FillL1(image, 500_000, i => (ulong)((i + 100) << 21));
        Qcow2TestImage.Run(image.File.SetLengthAsync(1L << 39));
        var result = Check(image);
        Assert.Equal(0, result.AllocatedClusters);
        Assert.True(result.Corruptions > 200_000);
    }

    [Fact]
    public void Loops_between_tables_end()
    {
        using var image = Qcow2TestImage.Create(1 << 30, "cluster_size=4k");
        var l1 = image.Header.L1Offset;
        for (var i = 0; i < image.Header.L1Count; i++)
            image.Patch64(l1 + (i * 8), (ulong)l1 | L1Table.CopiedFlag);
        image.Patch64(image.Header.RefcountTableOffset + 8, (ulong)image.Header.RefcountTableOffset);
        var result = Check(image);
        Assert.True(result.Corruptions > image.Header.L1Count);
    }

    [Fact]
    public void A_huge_refcount_table_of_one_block_ends_soon()
    {
        using var image = Qcow2TestImage.Create(1 << 20, "cluster_size=512,refcount_bits=64");
        var block = image.Append(Enumerable.Repeat((byte)0xff, 512).ToArray());
        var table = image.Append(new byte[Qcow2Limits.MaxRefcountTableBytes]);
        for (var i = 0; i < Qcow2Limits.MaxRefcountTableBytes; i += 8)
            image.Patch64(table + i, (ulong)block);
        image.Patch64(48, (ulong)table);
        image.Patch32(56, Qcow2Limits.MaxRefcountTableBytes / 512);
        Qcow2TestImage.Run(image.File.SetLengthAsync(1L << 34));
        var result = Check(image);
        Assert.Equal((1L << 34) / 512, result.Leaks + result.Corruptions - (Qcow2Limits.MaxRefcountTableBytes / 8) + 1);
        Assert.Equal(1L << 34, result.ImageEndOffset);
    }

    [Fact]
    public void A_file_of_too_many_clusters_is_refused()
    {
        using var image = Qcow2TestImage.Create(1 << 20, "cluster_size=512");
        Qcow2TestImage.Run(image.File.SetLengthAsync(1L << 41));
        var error = Assert.Throws<BlockException>(() => Check(image));
        Assert.Equal(global::BlockUring.Native.Interop.Errno.EFBIG, error.ErrorNumber);
    }

    [Theory]
    [InlineData(0x7fffffffffff0000ul, "ERROR snapshot table offset invalid")]
    [InlineData(512ul, "ERROR snapshot table offset invalid")]
    public void A_snapshot_table_at_an_impossible_place_is_an_error(ulong offset, string expected)
    {
        using var image = Qcow2TestImage.Create(1 << 20);
        image.Patch32(60, 65536);
        image.Patch64(64, offset);
        Assert.Throws<BlockException>(() => Check(image));
        Assert.Equal([expected], lines);
    }

    [Fact]
    public void Sixty_five_thousand_snapshots_of_the_same_huge_L1_table_end_soon()
    {
        using var image = Qcow2TestImage.Create(1 << 20);
        var l1 = image.Append(new byte[Qcow2Limits.MaxL1Bytes]);
        image.File.Write(l1, Enumerable.Repeat((byte)0x10, Qcow2Limits.MaxL1Bytes).ToArray());
        var table = image.Append(new byte[65536 * 56]);
        for (var i = 0; i < 65536; i++)
        {
            image.Patch64(table + (i * 56), (ulong)l1);
            image.Patch32(table + (i * 56) + 8, Qcow2Limits.MaxL1Bytes / 8);
            image.Patch32(table + (i * 56) + 36, 16);
        }

        image.Patch32(60, 65536);
        image.Patch64(64, (ulong)table);
        var error = Assert.Throws<BlockException>(() => Check(image));
        Assert.Contains("overlap", error.Message);
    }

    [Theory]
    [InlineData("cluster_size=512")]
    [InlineData("cluster_size=512,refcount_bits=2")]
    [InlineData("cluster_size=4k,refcount_bits=64")]
    public void Small_windows_find_what_one_window_finds(string options)
    {
        using var image = Qcow2TestImage.Create(256 * OneMiB, options);
        var random = new Random(11);
        var cluster = image.Geometry.ClusterLength;
        Qcow2TestImage.Run(image.File.SetLengthAsync(400_000L * cluster));
        for (var i = 0; i < 20_000; i++)
        {
            var shared = random.Next(3) == 0 ? random.Next(1, 60) : 400_000;
            var entry = L2Entry.ForData((long)random.Next(shared) * cluster, false);
            image.SetEntry(random.Next((int)(256 * OneMiB / cluster)), entry);
        }

        var whole = Check(image);
        var linesOfWhole = lines.Order().ToList();
        lines.Clear();
        var parts = Check(image, 64 << 10, 50_000, out var passes);
        output.WriteLine($"{passes} passes, {whole}");
        Assert.True(passes > 2);
        Assert.Equal(whole, parts);
        Assert.Equal(linesOfWhole.Distinct(), lines.Order().Distinct());
    }

    [Fact]
    public void Counts_are_bounded_and_the_window_comes_down()
    {
        var map = new RefcountMap(1 << 20);
        var random = new Random(5);
        Dictionary<long, ulong> expected = [];
        for (var i = 0; i < 200_000; i++)
        {
            var cluster = random.NextInt64(random.Next(2) == 0 ? 100 : 50_000_000);
            var times = (ulong)random.Next(1, random.Next(20) == 0 ? 1000 : 2);
            expected[cluster] = expected.GetValueOrDefault(cluster) + times;
            map.Add(cluster, times);
            Assert.True(map.UsedBytes <= 1 << 20);
        }

        Assert.True(map.End is > 0 and < 50_000_000);
        foreach (var (cluster, count) in expected)
            Assert.Equal(cluster < map.End ? count : 0, map[cluster]);
        Assert.Equal(0, map.End % RefcountPage.EntryCount);
    }

    private static void FillL1(Qcow2TestImage image, int count, Func<long, ulong> entry)
    {
        var bytes = new byte[count * 8];
        for (var i = 0; i < count; i++)
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(i * 8), entry(i));
        var l1 = image.Append(bytes);
        image.Patch32(36, (uint)count);
        image.Patch64(40, (ulong)l1);
    }

    private CheckResult Check(Qcow2TestImage image) => Check(image, RefcountMap.DefaultMaxBytes, RefcountOnes.MaxWindow, out _);

    private CheckResult Check(Qcow2TestImage image, long maxMapBytes, long onesWindow, out int passes)
    {
        passes = 0;
        var context = new OpenContext(
            image.Host, image.File, new FileOpenOptions(true), new OptionTree(), OpenGate.AllowAll, image.Warnings.Add)
        {
            ForCheck = true,
        };
        var opened = Qcow2TestImage.Run(Qcow2Opener.OpenAsync(context));
        var started = Stopwatch.GetTimestamp();
        try
        {
            using var checker = new Qcow2Checker(opened, new CheckRequest(lines.Add), maxMapBytes, onesWindow);
            var result = Qcow2TestImage.Run(checker.RunAsync());
            passes = checker.PassCount;
            return result;
        }
        finally
        {
            output.WriteLine($"{Stopwatch.GetElapsedTime(started).TotalSeconds:f2} s, {lines.Count} lines");
            Qcow2TestImage.Run(opened.DisposeAsync());
            Assert.Equal(0, image.Buffers.RentedBytes);
        }
    }
}
