using System.Globalization;
using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Img;

/// <summary>`img resize` with preallocation, and `img dd`, on random images: qemu-img does the same and judges both.</summary>
public sealed class ResizeTests(ITestOutputHelper output) : ConvertTestBase
{
    private static readonly string[] Modes = ["off", "metadata", "falloc", "full"];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Preallocated_space_is_there_and_reads_as_zeroes(int seed)
    {
        var random = new Random(seed);
        var (ours, format) = await new RandomImages(Folder, random).MakeAsync("image");
        var theirs = Folder["theirs"];
        for (var i = 0; i < 2; i++)
        {
            await Tool.RunAsync("cp", "--sparse=always", ours, theirs);
            var before = await ReadAsync(ours, format);
            var allocated = await AllocatedAsync(ours);
            var size = before.Length + (random.Next(1, 20_000) * 512L);
            var mode = Modes[random.Next(4)];
            string[] arguments = ["resize", "-f", format, "--preallocation=" + mode];
            output.WriteLine($"{string.Join(' ', arguments)} {before.Length} {size}");
            var expected = await Tool.TryRunAsync("qemu-img", [.. arguments, theirs, size.ToString(CultureInfo.InvariantCulture)]);
            var actual = await Program.TryImgAsync([.. arguments, ours, size.ToString(CultureInfo.InvariantCulture)]);
            if (expected.ExitCode != 0)
            {
                Assert.Equal((1, expected.Error.Replace("qemu-img: ", "blockuring: ", StringComparison.Ordinal)), (actual.ExitCode, actual.Error));
                continue;
            }

            Assert.Equal(expected, actual);
            await AssertSameAsync(ours, format, theirs, format);
            var content = await ReadAsync(ours, format);
            Assert.Equal(size, content.Length);
            Assert.True(content.AsSpan().StartsWith(before) && !content.AsSpan(before.Length).ContainsAnyExcept((byte)0), "other bytes");
            if (format == "qcow2")
                await AssertCleanAsync(ours);

            // Besides the data there are tables, and with small clusters quite some.
            var added = await AllocatedAsync(ours) - allocated;
            var taken = mode is "falloc" or "full" ? (size - before.Length) & -(1 << 18) : 0;
            Assert.InRange(added, taken - (1 << 18), (taken * 105 / 100) + (3 << 20));
        }
    }

    [Theory]
    [InlineData("metadata", "cluster_size=64k")]
    [InlineData("full", "cluster_size=2M")]
    [InlineData("falloc", "cluster_size=512,refcount_bits=64")]
    [InlineData("falloc", "extended_l2=on")]
    public async Task All_of_a_preallocated_part_has_its_place(string mode, string options)
    {
        var path = Folder["image"];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, "3000k");
        await IoAsync(path, "qcow2", "write -q -P 1 0 3000k", "discard -q 1M 1M");
        await Program.ImgAsync("resize", "--preallocation=" + mode, path, "17M");
        await AssertCleanAsync(path);
        var length = new FileInfo(path).Length;
        Assert.InRange(length, 16 << 20, 32 << 20);
        if (mode != "metadata")
            Assert.InRange(await AllocatedAsync(path), 14 << 20, 32 << 20);
        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "read -q -P 0 3000k 14408k", "-c", "write -q -P 2 3000k 14408k", path);
        await AssertCleanAsync(path);

        // All that has been written had its place.
        Assert.Equal(length, new FileInfo(path).Length);
    }

    [Fact]
    public async Task Data_files_grow_too()
    {
        foreach (var raw in (string[])["on", "off"])
        {
            foreach (var mode in Modes)
            {
                var (path, data) = (Folder[$"{raw}-{mode}"], Folder[$"{raw}-{mode}.data"]);
                await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", $"data_file={data},data_file_raw={raw}", path, "1000k");
                await IoAsync(path, "qcow2", "write -q -P 1 0 1000k");
                await Program.ImgAsync("resize", "--preallocation=" + mode, path, "3M");
                await AssertCleanAsync(path);
                await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "read -q -P 1 0 1000k", "-c", "read -q -P 0 1000k 2072k", path);
                if (mode != "off" || raw == "on")
                    Assert.Equal(3 << 20, new FileInfo(data).Length);
                var map = await Tool.RunAsync("qemu-img", "map", "--output=json", path);
                Assert.Equal(mode == "off" && raw == "off", map.Contains("\"present\": false", StringComparison.Ordinal));
                if (mode is "falloc" or "full")
                    Assert.InRange(await AllocatedAsync(data), 3 << 20, 4 << 20);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Dd_copies_the_bytes_that_qemu_img_copies(int seed)
    {
        var random = new Random(seed);
        var (source, format) = await new RandomImages(Folder, random).MakeAsync("image");
        var target = random.Next(2) == 0 ? "raw" : "qcow2";
        List<string> arguments = ["dd", "-f", format, "-O", target, $"if={source}", $"bs={(random.Next(2) == 0 ? random.Next(1, 100_000) : 512 << random.Next(12))}"];
        if (random.Next(3) > 0)
            arguments.Add($"count={random.Next(1, 200)}");
        if (random.Next(3) > 0)
            arguments.Add($"skip={random.Next(0, 100)}");
        output.WriteLine(string.Join(' ', arguments));
        var expected = await Tool.TryRunAsync("qemu-img", [.. arguments, "of=" + Folder["theirs"]]);
        var actual = await Program.TryImgAsync([.. arguments, "of=" + Folder["ours"]]);
        Assert.Equal(expected with { Error = expected.Error.Replace("qemu-img: ", "blockuring: ", StringComparison.Ordinal) }, actual);
        await AssertSameAsync(Folder["ours"], target, Folder["theirs"], target);
        Assert.Equal((await ReadAsync(Folder["theirs"], target)).Length, (await ReadAsync(Folder["ours"], target)).Length);
        if (target == "qcow2")
            await AssertCleanAsync(Folder["ours"]);
    }

    [Fact]
    public async Task Small_caches_change_nothing_but_the_time()
    {
        foreach (var (caches, i) in ((string[])["l2-cache-entry-size=512,l2-cache-size=1k,refcount-cache-size=1k", "cache-size=64k"]).Select((c, i) => (c, i)))
        {
            var path = await MakeAsync($"image{i}", "qcow2", "2G");
            var name = $"driver=qcow2,file.filename={path},{caches}";
            await Program.ImgAsync("bench", "-w", "-q", "--pattern", "7", "-c", "2000", "-s", "4k", "-S", "1300k", "--image-opts", name);
            await AssertCleanAsync(path);
            var expected = await MakeAsync($"expected{i}", "qcow2", "2G");
            await Tool.RunAsync("qemu-img", "bench", "-w", "-q", "--pattern=7", "-c", "2000", "-s", "4k", "-S", "1300k", "-f", "qcow2", expected);
            await AssertSameAsync(path, "qcow2", expected, "qcow2");
        }
    }

    public static TheoryData<int> Seeds() => RebaseTests.Seeds();

    private async Task<byte[]> ReadAsync(string path, string format)
    {
        await Tool.RunAsync("qemu-img", "convert", "-f", format, "-O", "raw", path, Folder["raw"]);
        return await File.ReadAllBytesAsync(Folder["raw"]);
    }

    private static async Task<long> AllocatedAsync(string path) =>
        512 * long.Parse(await Tool.RunAsync("stat", "-c", "%b", path), CultureInfo.InvariantCulture);
}
