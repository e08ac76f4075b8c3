using System.Globalization;
using BlockUring.NativeTests.Storage;
using Xunit;
using Tool = BlockUring.NativeTests.Images.Tool;

namespace BlockUring.NativeTests.Img;

/// <summary>`img convert` as a process: qemu-img makes the images and judges the results.</summary>
public sealed class ConvertTests(ITestOutputHelper output) : ConvertTestBase
{
    [Fact]
    public async Task Random_images_become_any_target_with_the_same_content()
    {
        // BLOCKURING_SEEDS asks for more, BLOCKURING_SEED for one alone.
        var count = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_SEEDS") ?? "16", CultureInfo.InvariantCulture);
        var first = 1;
        if (Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } single)
            (first, count) = (int.Parse(single, CultureInfo.InvariantCulture), 1);
        for (var seed = first; seed < first + count; seed++)
        {
            output.WriteLine($"seed {seed}");
            var random = new Random(seed);
            var (source, format) = await new RandomImages(Folder, random).MakeAsync($"s{seed}");
            var target = Folder[$"t{seed}"];
            var (targetFormat, arguments) = RandomTarget(random);
            output.WriteLine($"{source} {string.Join(' ', arguments)}");
            await Program.ImgAsync(["convert", "-f", format, .. arguments, source, target]);
            await AssertSameAsync(source, format, target, targetFormat);
            if (targetFormat == "qcow2")
                await AssertCleanAsync(target);
        }
    }

    [Fact]
    public async Task Several_sources_are_put_in_a_row()
    {
        var random = new Random(1);
        var images = new RandomImages(Folder, random);
        var sources = new List<string>();
        foreach (var length in (long[])[512, 1_000_448, 3 << 20, 66_048])
            sources.Add((await images.MakeAsync($"part{length}", 2, length)).Path);
        await Tool.RunAsync("qemu-img", ["convert", "-O", "raw", .. sources, Folder["expected"]]);
        foreach (var arguments in (string[][])[["-O", "raw"], ["-O", "qcow2"], ["-O", "qcow2", "-c"], ["-O", "qcow2", "-o", "cluster_size=2M"]])
        {
            await Program.ImgAsync(["convert", .. arguments, .. sources, Folder["target"]]);
            await AssertSameAsync(Folder["expected"], "raw", Folder["target"], arguments[1]);
        }

        await AssertCleanAsync(Folder["target"]);
    }

    [Fact]
    public async Task A_snapshot_is_copied_instead_of_the_current_content()
    {
        var source = await MakeAsync("s", "qcow2", "4M", "write -P 1 0 3M", "write -c -P 9 3M 64k");
        await Tool.RunAsync("qemu-img", "snapshot", "-c", "old", source);
        await Tool.RunAsync("qemu-img", "convert", "-O", "raw", source, Folder["old"]);
        await IoAsync(source, "qcow2", "write -P 2 1M 2M", "discard 0 512k");
        foreach (var choice in (string[])["old", "snapshot.name=old", "snapshot.id=1"])
        {
            await Program.ImgAsync("convert", "-O", "qcow2", "-l", choice, source, Folder["t"]);
            await AssertSameAsync(Folder["old"], "raw", Folder["t"], "qcow2");
        }
    }

    [Theory]
    [InlineData("raw", "")]
    [InlineData("qcow2", "")]
    [InlineData("qcow2", "-c")]
    public async Task An_existing_target_is_overwritten_where_it_held_something(string format, string more)
    {
        var random = new Random(format.Length + more.Length);
        var images = new RandomImages(Folder, random);
        var (source, sourceFormat) = await images.MakeAsync("s", 2, 3_000_320);
        var (target, targetFormat) = format == "raw"
            ? (await MakeAsync("t", "raw", "4000256", "write -P 77 0 4000256"), "raw")
            : await images.MakeAsync("t", 3, 3_000_320);

        // The top of a random chain may be raw, which this is not about.
        for (var i = 0; format != "raw" && targetFormat == "raw"; i++)
            (target, targetFormat) = await images.MakeAsync($"t{i}", 3, 3_000_320);
        await Program.ImgAsync(["convert", "-n", "-f", sourceFormat, "-O", targetFormat, .. more.Split(' ', StringSplitOptions.RemoveEmptyEntries), source, target]);
        if (format == "raw")
        {
            await Tool.RunAsync("qemu-io", "-f", "raw", "-r", "-c", "read -P 77 3000320 999936", target);
            await Tool.RunAsync("truncate", "-s", "3000320", target);
        }
        else
        {
            await AssertCleanAsync(target);
        }

        await AssertSameAsync(source, sourceFormat, target, targetFormat);
    }

    [Fact]
    public async Task A_snapshot_of_an_existing_target_keeps_its_content()
    {
        var (source, sourceFormat) = await new RandomImages(Folder, new Random(3)).MakeAsync("s", 2, 2 << 20);
        var target = await MakeAsync("t", "qcow2", "2M", "write -c -P 6 64k 64k", "write -P 5 0 64k", "write -P 5 128k 1920k");
        await Tool.RunAsync("qemu-img", "snapshot", "-c", "kept", target);
        await Tool.RunAsync("qemu-img", "convert", "-O", "raw", target, Folder["old"]);
        await Program.ImgAsync("convert", "-n", "-f", sourceFormat, "-O", "qcow2", source, target);
        await AssertSameAsync(source, sourceFormat, target, "qcow2");
        await AssertCleanAsync(target);
        await Tool.RunAsync("qemu-img", "snapshot", "-a", "kept", target);
        await AssertSameAsync(Folder["old"], "raw", target, "qcow2");
    }

    [Fact]
    public async Task A_block_device_is_overwritten_whole()
    {
        using var place = HostPlace.Make("loop512");
        await IoAsync(place.Path, "raw", "write -P 77 0 8M");
        var (source, format) = await new RandomImages(Folder, new Random(5)).MakeAsync("s", 2, 8 << 20);
        await Program.ImgAsync("convert", "-n", "-f", format, "-O", "raw", source, place.Path);
        await AssertSameAsync(source, format, place.Path, "raw");

        await IoAsync(place.Path, "raw", "write -P 77 0 8M");
        await Program.ImgAsync("convert", "-f", format, "-O", "raw", "-t", "none", source, place.Path);
        await AssertSameAsync(source, format, place.Path, "raw");

        foreach (var preallocation in (string[])["off", "metadata"])
        {
            var small = await MakeAsync("small", "raw", "4M", "write -P 3 1M 64k");
            await IoAsync(place.Path, "raw", "write -P 77 0 8M");
            await Program.ImgAsync("convert", "-f", "raw", "-O", "qcow2", "-o", $"preallocation={preallocation}", small, place.Path);
            await AssertSameAsync(small, "raw", place.Path, "qcow2");
            await AssertCleanAsync(place.Path);
        }
    }

    [Fact]
    public async Task A_target_that_is_said_to_be_zero_gets_only_data()
    {
        var source = await MakeAsync("s", "qcow2", "4M", "write -P 1 1M 1M", "write -z 3M 64k");
        var target = await MakeAsync("t", "raw", "4M", "write -P 7 3M 64k");
        await Program.ImgAsync("convert", "-n", "--target-is-zero", "-O", "raw", source, target);
        await Tool.RunAsync("qemu-io", "-f", "raw", "-r", "-c", "read -P 7 3M 64k", "-c", "read -P 1 1M 1M", target);
    }

    [Fact]
    public async Task An_overlay_is_copied_onto_the_same_backing_file()
    {
        await MakeAsync("base", "qcow2", "3M", "write -P 1 0 3M");
        var source = Folder["s"];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-b", Folder["base"], "-F", "qcow2", source, "5M");
        await IoAsync(source, "qcow2", "write -P 2 100k 300k", "write -z 1M 256k", "discard 2M 128k", "write -P 4 3M 1M");
        foreach (var arguments in (string[][])[["-B", Folder["base"]], ["-c", "-b", Folder["base"]], ["-o", $"backing_file={Folder["base"]},cluster_size=4k"]])
        {
            await Program.ImgAsync(["convert", "-O", "qcow2", "-F", "qcow2", .. arguments, source, Folder["t"]]);
            await AssertSameAsync(source, "qcow2", Folder["t"], "qcow2");
            await AssertCleanAsync(Folder["t"]);
            await Tool.RunAsync("qemu-io", "-f", "qcow2", "-r", "-c", "read -P 1 600k 100k", Folder["t"]);
        }
    }

    [Fact]
    public async Task What_the_source_does_not_hold_hides_the_backing_file_of_the_target()
    {
        await MakeAsync("base", "qcow2", "3M", "write -P 1 0 3M");
        var source = await MakeAsync("s", "qcow2", "4M", "write -P 2 1M 64k");
        foreach (var more in (string[])["-q", "-c"])
        {
            await Program.ImgAsync("convert", more, "-O", "qcow2", "-B", Folder["base"], "-F", "qcow2", source, Folder["t"]);
            await AssertSameAsync(source, "qcow2", Folder["t"], "qcow2");
        }

        // The source's own backing file is shorter than the target's.
        await MakeAsync("short", "qcow2", "1M", "write -P 3 0 1M");
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-b", Folder["short"], "-F", "qcow2", Folder["o"], "4M");
        await MakeAsync("long", "qcow2", "4M", "write -P 3 0 4M");
        await Program.ImgAsync("convert", "-O", "qcow2", "-B", Folder["long"], "-F", "qcow2", Folder["o"], Folder["t"]);
        await AssertSameAsync(Folder["o"], "qcow2", Folder["t"], "qcow2");
    }

    [Fact]
    public async Task Sparse_size_decides_what_becomes_a_hole()
    {
        var source = await MakeAsync("s", "raw", "4M", "write -P 1 0 4k", "write -z 4k 60k", "write -P 1 64k 4k", "write -P 0 1M 1M");
        async Task<long> AllocatedAsync(string sparse)
        {
            await Program.ImgAsync("convert", "-O", "raw", "-S", sparse, source, Folder["t"]);
            await AssertSameAsync(source, "raw", Folder["t"], "raw");
            return 512 * long.Parse(await Tool.RunAsync("stat", "-c", "%b", Folder["t"]), CultureInfo.InvariantCulture);
        }

        Assert.True(await AllocatedAsync("0") >= 4 << 20);
        Assert.True(await AllocatedAsync("4k") <= 64 << 10);
        Assert.InRange(await AllocatedAsync("256k"), 68 << 10, 512 << 10);
    }

    [Theory]
    [InlineData("-c", "compression_type=zlib")]
    [InlineData("-c --compression-level 9", "compression_type=zlib")]
    [InlineData("-c --compression-level 19", "compression_type=zstd,cluster_size=2M")]
    [InlineData("-c -m 1", "compression_type=zstd,cluster_size=512,refcount_bits=1")]
    [InlineData("-c -m 16", "cluster_size=4k,refcount_bits=2")]
    [InlineData("-c", "extended_l2=on,compression_type=zstd")]
    [InlineData("-c", "compat=0.10")]
    public async Task Compressed_targets_unpack_to_the_source(string arguments, string options)
    {
        var (source, format) = await new RandomImages(Folder, new Random(options.Length)).MakeAsync("s", 3);
        var noise = new byte[300_000];
        new Random(2).NextBytes(noise);
        await File.WriteAllBytesAsync(Folder["noise"], noise, TestContext.Current.CancellationToken);
        await Program.ImgAsync(["convert", .. arguments.Split(' '), "-O", "qcow2", "-o", options, source, Folder["noise"], Folder["t"]]);
        await Tool.RunAsync("qemu-img", "convert", "-O", "raw", source, Folder["noise"], Folder["expected"]);
        await AssertSameAsync(Folder["expected"], "raw", Folder["t"], "qcow2");
        await AssertCleanAsync(Folder["t"]);
        Assert.NotEqual("", format);
    }

    [Theory]
    [InlineData("-C", "raw", "raw")]
    [InlineData("-C", "qcow2", "raw")]
    [InlineData("-C", "raw", "qcow2")]
    [InlineData("-t none -T none", "raw", "raw")]
    [InlineData("-t none -T none -W -m 16", "qcow2", "qcow2")]
    [InlineData("-t directsync -T directsync", "raw", "qcow2")]
    [InlineData("-t writethrough", "qcow2", "raw")]
    [InlineData("-r 50M", "qcow2", "raw")]
    public async Task Ways_of_copying_give_the_same(string arguments, string sourceFormat, string targetFormat)
    {
        // Neither length is a multiple of 4096.
        var source = await MakeAsync("s", sourceFormat, "5000704", "write -P 1 0 1000k", "write -P 2 1500001 3000", "write -P 3 4999168 1536");
        await Program.ImgAsync(["convert", .. arguments.Split(' '), "-f", sourceFormat, "-O", targetFormat, source, Folder["t"]]);
        await AssertSameAsync(source, sourceFormat, Folder["t"], targetFormat);
        if (targetFormat == "qcow2")
            await AssertCleanAsync(Folder["t"]);
    }

    [Theory]
    [InlineData("data_file=@d", 1)]
    [InlineData("data_file=@d,data_file_raw=on", 1)]
    [InlineData("extended_l2=on,cluster_size=16k", 0)]
    [InlineData("preallocation=metadata", 0)]
    [InlineData("preallocation=full,cluster_size=4k,refcount_bits=64", 0)]
    [InlineData("lazy_refcounts=on,refcount_bits=1,cluster_size=512", 0)]
    public async Task Kinds_of_target_hold_the_source(string options, int dataFiles)
    {
        var (source, format) = await new RandomImages(Folder, new Random(options.Length)).MakeAsync("s", 3);
        await Program.ImgAsync("convert", "-f", format, "-O", "qcow2", "-o", options.Replace("@", Folder.Path + "/", StringComparison.Ordinal), source, Folder["t"]);
        await AssertSameAsync(source, format, Folder["t"], "qcow2");
        await AssertCleanAsync(Folder["t"]);
        if (options.Contains("data_file_raw", StringComparison.Ordinal))
            await AssertSameAsync(source, format, Folder["d"], "raw");
        Assert.Equal(dataFiles, File.Exists(Folder["d"]) ? 1 : 0);
    }

    [Fact]
    public async Task Images_are_named_by_options()
    {
        var source = await MakeAsync("s", "qcow2", "2M", "write -P 1 0 1M");
        var target = await MakeAsync("t", "qcow2", "2M");
        await Program.ImgAsync(
            "convert", "-n", "--image-opts", "--target-image-opts", $"driver=qcow2,file.filename={source}",
            $"driver=qcow2,file.filename={target},file.cache.direct=on");
        await AssertSameAsync(source, "qcow2", target, "qcow2");
        await Program.ImgAsync("convert", "-O", "raw", $"json:{{\"driver\":\"raw\",\"offset\":512,\"size\":1024,\"file\":{{\"driver\":\"file\",\"filename\":\"{source}\"}}}}", Folder["window"]);
        Assert.Equal((await File.ReadAllBytesAsync(source, TestContext.Current.CancellationToken))[512..1536], await File.ReadAllBytesAsync(Folder["window"], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Salvage_replaces_what_cannot_be_read_by_zeroes()
    {
        var source = await MakeAsync("s", "qcow2", "1M", "write -c -P 2 256k 64k", "write -P 1 0 256k", "write -P 1 320k 704k", "write -P 3 512k 64k");
        var map = await Tool.RunAsync("qemu-img", "map", "-f", "qcow2", "--output=json", source);
        Assert.Contains("\"start\": 262144", map);

        await BreakCompressedAsync(source, 4);
        Assert.Contains("error while reading", await Program.FailAsync("convert", "-O", "raw", source, Folder["t"]));
        var (exitCode, _, error) = await Program.TryImgAsync("convert", "--salvage", "-O", "raw", source, Folder["t"]);
        Assert.Equal(0, exitCode);
        Assert.Contains("warning: error while reading", error);
        await Tool.RunAsync(
            "qemu-io", "-f", "raw", "-r", "-c", "read -P 1 0 256k", "-c", "read -P 0 256k 64k", "-c", "read -P 1 320k 192k", "-c", "read -P 3 512k 64k",
            Folder["t"]);
    }

    // Overwrites the bytes that an L2 entry of the first L2 table describes.
    private static async Task BreakCompressedAsync(string path, int index)
    {
        var bytes = await File.ReadAllBytesAsync(path);
        var l1 = BitConverter.ToInt64([.. bytes[40..48].Reverse()]);
        var l2 = BitConverter.ToInt64([.. bytes[(int)l1..((int)l1 + 8)].Reverse()]) & 0x00fffffffffffe00;
        var entry = BitConverter.ToInt64([.. bytes[((int)l2 + (8 * index))..((int)l2 + (8 * index) + 8)].Reverse()]);
        var place = (int)(entry & ((1L << 54) - 1));
        for (var i = 0; i < 20; i++)
            bytes[place + i] = 0xff;
        await File.WriteAllBytesAsync(path, bytes);
    }

    private static (string Format, List<string> Arguments) RandomTarget(Random random)
    {
        var arguments = new List<string>();
        if (random.Next(3) == 0)
            arguments.Add("-W");
        if (random.Next(2) == 0)
            arguments.AddRange(["-m", random.Next(1, 17).ToString(CultureInfo.InvariantCulture)]);
        if (random.Next(3) == 0)
            arguments.AddRange(["-t", "none", "-T", "none"]);
        if (random.Next(5) == 0)
            arguments.AddRange(["-S", random.Next(2) == 0 ? "0" : "64k"]);
        if (random.Next(3) == 0)
            return ("raw", [.. arguments, "-O", "raw"]);
        var clusterBits = random.Next(9, 22);
        var isOld = random.Next(5) == 0;
        var options = $"cluster_size={1 << clusterBits},compat={(isOld ? "0.10" : "1.1")}";
        if (!isOld)
            options += $",refcount_bits={1 << random.Next(7)},compression_type={(random.Next(2) == 0 ? "zlib" : "zstd")}";
        if (!isOld && clusterBits >= 14 && random.Next(3) == 0)
            options += ",extended_l2=on";
        if (random.Next(3) == 0)
            arguments.Add("-c");
        return ("qcow2", [.. arguments, "-O", "qcow2", "-o", options]);
    }
}
