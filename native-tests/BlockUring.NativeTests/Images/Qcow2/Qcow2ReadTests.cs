using System.Text.Json;
using BlockUring.Images.Qcow2;
using BlockUring.Native.Memory;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>Images that qemu-img makes and qemu-io fills read here as they read there.</summary>
public sealed class Qcow2ReadTests
{
    public static TheoryData<string, string> Matrix
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var cluster in (string[])["512", "1k", "4k", "16k", "64k", "256k", "2M"])
            {
                data.Add($"cluster_size={cluster}", "plain");
                data.Add($"cluster_size={cluster},compat=0.10", "plain");
                data.Add($"cluster_size={cluster}", "compressed");
                data.Add($"cluster_size={cluster},compression_type=zstd", "compressed");
                data.Add($"cluster_size={cluster}", "backing");
            }

            foreach (var cluster in (string[])["16k", "64k", "2M"])
            {
                data.Add($"cluster_size={cluster},extended_l2=on", "plain");
                data.Add($"cluster_size={cluster},extended_l2=on", "backing");
                data.Add($"cluster_size={cluster},extended_l2=on,preallocation=metadata", "plain");
            }

            foreach (var bits in (string[])["1", "2", "4", "8", "32", "64"])
                data.Add($"refcount_bits={bits},preallocation=metadata", "plain");
            data.Add("preallocation=falloc", "plain");
            data.Add("preallocation=full,cluster_size=4k", "plain");
            data.Add("data_file=DATA", "plain");
            data.Add("data_file=DATA,extended_l2=on", "plain");
            data.Add("data_file=DATA,data_file_raw=on,cluster_size=4k", "plain");
            data.Add("data_file=DATA", "backing");
            data.Add("lazy_refcounts=on", "plain");
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Matrix))]
    public async Task What_qemu_writes_reads_and_maps_the_same(string options, string kind)
    {
        using var folder = new TempFolder();
        using var buffers = new BufferPool();
        var random = new Random(options.Length * 31 + kind.Length);
        var path = await MakeAsync(folder, options.Replace("DATA", folder["data.raw"], StringComparison.Ordinal), kind, random);
        await Tool.RunAsync("qemu-img", "convert", "-O", "raw", path, folder["expected.raw"]);

        await using var image = await Oracle.OpenAsync(buffers, path);
        await Oracle.AssertSameContentAsync(image, folder["expected.raw"]);
        await Oracle.AssertSameMapAsync(image, path);
        await AssertSameInfoAsync((Qcow2Image)image.Format, path);
    }

    [Fact]
    public async Task A_snapshot_reads_as_qemu_reads_it()
    {
        using var folder = new TempFolder();
        using var buffers = new BufferPool();
        var path = folder["image.qcow2"];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", path, "5M");
        await Tool.RunAsync("qemu-io", "-c", "write -P 1 0 1M", "-c", "write -P 2 3M 300k", path);
        await Tool.RunAsync("qemu-img", "snapshot", "-c", "first", path);
        await Tool.RunAsync("qemu-io", "-c", "write -P 3 512k 3M", "-c", "write -z 0 64k", path);
        await Tool.RunAsync("qemu-img", "snapshot", "-c", "second one", path);
        await Tool.RunAsync("qemu-img", "resize", "-q", path, "7M");

        foreach (var (selector, argument) in new[] { ("first", "first"), ("2", "2"), ("second one", "snapshot.name=second one") })
        {
            await Tool.RunAsync("qemu-img", "convert", "-l", argument, "-O", "raw", path, folder["expected.raw"]);
            await using var image = await Oracle.OpenAsync(buffers, path);
            var format = (Qcow2Image)image.Format;
            await format.LoadSnapshotAsync(selector);
            await Oracle.AssertSameContentAsync(image, folder["expected.raw"]);
        }

        await using var listed = await Oracle.OpenAsync(buffers, path);
        using var info = JsonDocument.Parse(await Tool.RunAsync("qemu-img", "info", "--output=json", path));
        var theirs = info.RootElement.GetProperty("snapshots").EnumerateArray()
            .Select(s => (s.GetProperty("id").GetString(), s.GetProperty("name").GetString(), s.GetProperty("date-sec").GetInt64()));
        var ours = ((Qcow2Image)listed.Format).Snapshots.Select(s => ((string?)s.Id, (string?)s.Name, s.TakenAt.ToUnixTimeSeconds()));
        Assert.Equal(theirs, ours);
        var error = await Assert.ThrowsAsync<BlockException>(async () => await ((Qcow2Image)listed.Format).LoadSnapshotAsync("third"));
        Assert.Equal("Can't find snapshot", error.Message);
    }

    [Fact]
    public async Task Bitmaps_are_listed_and_measured_as_by_qemu()
    {
        using var folder = new TempFolder();
        using var buffers = new BufferPool();
        var path = folder["image.qcow2"];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", path, "900M");
        await Tool.RunAsync("qemu-img", "bitmap", "--add", "-g", "4096", path, "fine");
        await Tool.RunAsync("qemu-img", "bitmap", "--add", "--disable", path, "stopped bitmap");

        await using var image = await Oracle.OpenAsync(buffers, path);
        var format = (Qcow2Image)image.Format;
        Assert.Equal([("fine", 4096L, false, true), ("stopped bitmap", 65536L, false, false)],
            format.Info.Bitmaps.Select(b => (b.Name, b.Granularity, b.IsInUse, b.IsAuto)));
        using var measured = JsonDocument.Parse(await Tool.RunAsync("qemu-img", "measure", "--output=json", "-O", "qcow2", path));
        Assert.Equal(measured.RootElement.GetProperty("bitmaps").GetInt64(), format.MeasureBitmaps(65536));
        await AssertSameInfoAsync(format, path);
    }

    [Fact]
    public async Task Info_opens_no_external_data_file()
    {
        using var folder = new TempFolder();
        using var buffers = new BufferPool();
        var path = folder["image.qcow2"];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", $"data_file={folder["data.raw"]}", path, "1M");
        File.Delete(folder["data.raw"]);

        var settings = new BlockUring.Images.ImageOpenSettings(new PlainFileHost(buffers), new FileOpenOptions());
        var error = await Assert.ThrowsAsync<BlockException>(async () => await BlockUring.Images.BackingChain.OpenAsync(path, "qcow2", settings));
        Assert.Contains(folder["data.raw"], error.Message, StringComparison.Ordinal);
        await using var image = await BlockUring.Images.BackingChain.OpenAsync(path, "qcow2", settings with { MetadataOnly = true });
        Assert.Equal(folder["data.raw"], ((Qcow2Image)image.Format).Info.DataFile);
    }

    private static async Task<string> MakeAsync(TempFolder folder, string options, string kind, Random random)
    {
        var path = folder["image.qcow2"];
        const long length = (9L << 20) + (3 << 19) + 1536;
        if (kind == "compressed")
        {
            var source = folder["source.qcow2"];
            await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", source, $"{length}");
            await FillAsync(source, length, random, true);
            await Tool.RunAsync("qemu-img", "convert", "-c", "-O", "qcow2", "-o", options, source, path);
            await Tool.RunAsync("qemu-io", "-c", $"write -P 9 {random.Next(8 << 20) & -512} 70k", "-c", "write -P 8 3M 2M", path);
            return path;
        }

        if (kind == "backing")
        {
            await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", folder["base.qcow2"], "7M");
            await FillAsync(folder["base.qcow2"], 7 << 20, random, true);
            options += $",backing_file=base.qcow2,backing_fmt=qcow2";
        }

        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, $"{length}");
        await FillAsync(path, length, random, !options.Contains("compat=0.10", StringComparison.Ordinal));
        return path;
    }

    private static async Task FillAsync(string path, long length, Random random, bool withZeroes)
    {
        var commands = new List<string>();
        for (var i = 0; i < 60; i++)
        {
            var offset = random.NextInt64(length) & -512;
            var count = Math.Min(length - offset, ((long)random.Next(1, 1 << random.Next(10, 19)) + 511) & -512);
            var command = random.Next(6) switch
            {
                0 when withZeroes => "write -z",
                1 when withZeroes => "write -z -u",
                2 => "discard",
                _ => $"write -P {random.Next(1, 256)}",
            };
            commands.AddRange(["-c", $"{command} {offset} {count}"]);
        }

        await Tool.RunAsync("qemu-io", ["-f", "qcow2", "-d", "unmap", .. commands, path]);
    }

    private static async Task AssertSameInfoAsync(Qcow2Image image, string path)
    {
        using var document = JsonDocument.Parse(await Tool.RunAsync("qemu-img", "info", "--output=json", path));
        var theirs = document.RootElement.GetProperty("format-specific").GetProperty("data");
        var ours = image.Info;
        Assert.Equal(document.RootElement.GetProperty("virtual-size").GetInt64(), image.Length);
        Assert.Equal(document.RootElement.GetProperty("cluster-size").GetInt32(), image.ClusterLength);
        Assert.Equal(theirs.GetProperty("compat").GetString(), ours.Compat);
        Assert.Equal(theirs.GetProperty("compression-type").GetString(), ours.CompressionName);
        Assert.Equal(theirs.GetProperty("refcount-bits").GetInt32(), ours.RefcountBits);
        Assert.Equal(Bool(theirs, "lazy-refcounts"), ours.LazyRefcounts);
        Assert.Equal(Bool(theirs, "corrupt"), ours.IsCorrupt);
        Assert.Equal(Bool(theirs, "extended-l2"), ours.ExtendedL2);
        Assert.Equal(Bool(theirs, "data-file-raw"), ours.DataFileRaw);
        Assert.Equal(theirs.TryGetProperty("data-file", out var dataFile) ? dataFile.GetString() : null, ours.DataFile);
        var bitmaps = theirs.TryGetProperty("bitmaps", out var list)
            ? list.EnumerateArray().Select(b => (b.GetProperty("name").GetString(), b.GetProperty("granularity").GetInt64()))
            : [];
        Assert.Equal(bitmaps, ours.Bitmaps.Select(b => ((string?)b.Name, b.Granularity)));
    }

    private static bool? Bool(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetBoolean() : null;
}
