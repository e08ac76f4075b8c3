using System.Globalization;
using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Img;

/// <summary>`img rebase` of random images from chain to chain: qemu-img says what they showed before, and what they show afterwards.</summary>
public sealed class RebaseTests(ITestOutputHelper output) : ConvertTestBase
{
    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task An_image_shows_the_same_above_another_chain(int seed)
    {
        var random = new Random(seed);
        var images = new RandomImages(Folder, random);
        var overlay = await MakeOverlayAsync(images);
        for (var i = 0; i < 2; i++)
        {
            var layers = await LayersAsync(overlay);
            var (name, format) = random.Next(4) switch
            {
                0 => ("", null),
                1 when layers.Length > 1 => (layers[random.Next(1, layers.Length)], null),
                _ => await images.MakeAsync($"n{i}"),
            };
            await RebaseAsync(random, overlay, name, format ?? FormatOf(name));
        }
    }

    [Fact]
    public async Task What_both_chains_have_is_neither_read_nor_copied()
    {
        var bottom = await MakeAsync("base.raw", "raw", "64M", "write -q -P 1 0 64M");
        var names = new[] { "mid", "top" };
        var below = (Path: bottom, Format: "raw");
        foreach (var name in names)
        {
            await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-b", below.Path, "-F", below.Format, Folder[name]);
            below = (Folder[name], "qcow2");
        }

        await IoAsync(Folder["mid"], "qcow2", "write -q -P 2 1M 64k");
        File.Copy(Folder["mid"], Folder["twin"]);
        var before = new FileInfo(Folder["top"]).Length;
        await Program.ImgAsync("rebase", "-b", bottom, "-F", "raw", Folder["top"]);
        Assert.InRange(new FileInfo(Folder["top"]).Length, before, before + (3 * 65536));
        await Program.ImgAsync("rebase", "-b", Folder["twin"], "-F", "qcow2", Folder["top"]);
        await AssertSameAsync(Folder["mid"], "qcow2", Folder["top"], "qcow2");
        await AssertCleanAsync(Folder["top"]);
        Assert.InRange(new FileInfo(Folder["top"]).Length, before, before + (3 * 65536));
    }

    [Fact]
    public async Task Zeroes_stay_zeroes_and_what_is_copied_can_be_compressed()
    {
        var old = await MakeAsync("old", "qcow2", "64M", "write -q -z 0 32M", "write -q -P 7 40M 8M");
        var next = await MakeAsync("next", "qcow2", "64M", "write -q -P 1 0 64M");
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-b", old, "-F", "qcow2", Folder["top"]);
        await Program.ImgAsync("rebase", "-c", "-b", next, "-F", "qcow2", Folder["top"]);
        await AssertSameAsync(old, "qcow2", Folder["top"], "qcow2");
        await AssertCleanAsync(Folder["top"]);
        Assert.InRange(new FileInfo(Folder["top"]).Length, 1, 2 << 20);
    }

    [Fact]
    public async Task An_interrupted_rebase_leaves_the_image_as_it_was()
    {
        // Slow, since each cluster is 512 bytes and compressed.
        var old = await MakeAsync("old", "raw", "64M", "write -q -P 5 0 64M");
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=512", "-b", old, "-F", "raw", Folder["top"]);
        using var rebase = Program.StartImg("rebase", "-c", "-b", "", Folder["top"]);
        var empty = new FileInfo(Folder["top"]).Length;
        for (var i = 0; i < 600 && new FileInfo(Folder["top"]).Length < empty + (1 << 20); i++)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        await Tool.RunAsync("kill", "-INT", rebase.Id.ToString(CultureInfo.InvariantCulture));
        await rebase.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal((130, ""), (rebase.ExitCode, await rebase.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)));
        Assert.Contains("backing file: " + old, await Tool.RunAsync("qemu-img", "info", Folder["top"]));
        await AssertSameAsync(old, "raw", Folder["top"], "qcow2");
        await AssertCleanAsync(Folder["top"]);
    }

    [Fact]
    public async Task A_layer_of_the_chain_is_another_image_by_another_format()
    {
        // qemu-img takes the layer as it is open, and writes a format into the header with which the image cannot be opened any more.
        var bottom = await MakeAsync("base", "raw", "1M", "write -q -P 1 0 1M");
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-b", bottom, "-F", "raw", Folder["top"]);
        Assert.Equal(
            $"blockuring: Could not open new backing file '{bottom}': Image is not in qcow2 format\n",
            await Program.FailAsync("rebase", "-b", bottom, "-F", "qcow2", Folder["top"]));
        await AssertSameAsync(bottom, "raw", Folder["top"], "qcow2");
    }

    [Fact]
    public async Task An_image_does_not_get_itself_below_it()
    {
        var top = await MakeAsync("top", "qcow2", "1M");
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-b", top, "-F", "qcow2", Folder["above"]);
        foreach (var name in (string[])[top, Folder["above"]])
            Assert.Contains($"Could not open new backing file '{name}': ", await Program.FailAsync("rebase", "-b", name, "-F", "qcow2", top));
    }

    public static TheoryData<int> Seeds()
    {
        var first = Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } seed ? int.Parse(seed, CultureInfo.InvariantCulture) : 1;
        var count = Environment.GetEnvironmentVariable("BLOCKURING_SEEDS") is { } seeds ? int.Parse(seeds, CultureInfo.InvariantCulture) : 4;
        return [.. Enumerable.Range(first, count)];
    }

    private async Task RebaseAsync(Random random, string overlay, string name, string format)
    {
        await Tool.RunAsync("qemu-img", "convert", "-f", "qcow2", "-O", "raw", overlay, Folder["before"]);
        List<string> arguments = ["rebase", "-f", "qcow2", "-b", name];
        if (name.Length > 0)
            arguments.AddRange(["-F", format]);
        if (random.Next(3) == 0)
            arguments.AddRange(["-t", "none", "-T", "none"]);
        if (random.Next(3) == 0)
            arguments.Add("-c");
        output.WriteLine(string.Join(' ', arguments));
        await Program.ImgAsync([.. arguments, overlay]);
        await AssertCleanAsync(overlay);
        await AssertSameAsync(overlay, "qcow2", Folder["before"], "raw");
        var info = await Tool.RunAsync("qemu-img", "info", overlay);
        Assert.Equal(name.Length > 0, info.Contains($"backing file: {name}\nbacking file format: {format}\n", StringComparison.Ordinal));
        Assert.Equal(name.Length > 0, info.Contains("backing file", StringComparison.Ordinal));
    }

    private static async Task<string> MakeOverlayAsync(RandomImages images)
    {
        for (var i = 0; ; i++)
        {
            var (path, format) = await images.MakeAsync($"o{i}", maxDepth: 4);
            if (format == "qcow2")
                return path;
        }
    }

    private static async Task<string[]> LayersAsync(string path)
    {
        var info = await Tool.RunAsync("qemu-img", "info", "--backing-chain", path);
        return [.. info.Split('\n').Where(l => l.StartsWith("image: ", StringComparison.Ordinal)).Select(l => l["image: ".Length..])];
    }

    private static string FormatOf(string path) => path.EndsWith(".raw", StringComparison.Ordinal) ? "raw" : "qcow2";
}
