using BlockUring.NativeTests.Images;
using Xunit;

namespace BlockUring.NativeTests.Img;

/// <summary>`img commit` and `commit` on random chains made by qemu-img; qemu-img commits the same ones and judges the results.</summary>
public sealed class CommitTests : ConvertTestBase
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public async Task ImgCommitDoesWhatQemuImgDoes(int seed)
    {
        var random = new Random(seed);
        var (top, layers) = await MakeChainAsync(random);
        string[] arguments = random.Next(3) switch
        {
            0 => ["commit", "-f", "qcow2", top],
            1 => ["commit", "-d", "-t", "none", top],
            _ => ["commit", "-b", layers[random.Next(1, layers.Length)], top],
        };
        Save(layers);
        var theirs = await Tool.TryRunAsync("qemu-img", arguments);
        await KeepAsync(layers, "theirs");
        Restore(layers);
        var (exitCode, output, error) = await Program.TryImgAsync(arguments);
        // Version 2 has no zero clusters, by which alone QEMU hides a longer backing file.
        if (theirs.Error.Contains("Operation not supported", StringComparison.Ordinal) && exitCode == 0)
        {
            await AssertSoundAsync(layers);
            return;
        }

        Assert.Equal((theirs.ExitCode, theirs.Output), (exitCode, output));
        Assert.Equal(theirs.Error.Replace("qemu-img: ", "blockuring: ", StringComparison.Ordinal), error);
        foreach (var layer in layers)
            await AssertSameAsync(layer, FormatOf(layer), layer + ".theirs", "raw");
        await AssertSoundAsync(layers);
        Assert.Equal(await EmptyAsync(top), arguments.Length == 4 && arguments[1] == "-f");
    }

    [Theory]
    [InlineData(101)]
    [InlineData(103)]
    [InlineData(104)]
    [InlineData(105)]
    [InlineData(106)]
    [InlineData(107)]
    public async Task LayersInTheMiddleGoAndTheTopShowsTheSame(int seed)
    {
        var random = new Random(seed);
        var (image, layers) = await MakeChainAsync(random);
        var first = random.Next(1, layers.Length - 1);
        var last = random.Next(first + 1, layers.Length);
        await KeepAsync(layers, "before");
        var (exitCode, output, error) = Cli.Program.Run(Folder.Path, "commit", image, "--top", layers[first], "--base", layers[last]);
        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains(" committed in ", output);
        for (var i = 0; i <= first; i++)
            await AssertSameAsync(layers[i], FormatOf(layers[i]), layers[i] + ".before", "raw");
        await AssertSoundAsync(layers);
        Assert.Contains($"backing file: {layers[last]}\n", await Tool.RunAsync("qemu-img", "info", layers[first - 1]));

        // The base shows what top did, and behind its end what it had.
        await Tool.RunAsync("qemu-img", "convert", "-O", "raw", layers[last], Folder["base.raw"]);
        var (actual, old, wanted) = (Read("base.raw"), Read(layers[last] + ".before"), Read(layers[first] + ".before"));
        Assert.Equal(Math.Max(old.Length, wanted.Length), actual.Length);
        Assert.True(actual.AsSpan(0, wanted.Length).SequenceEqual(wanted));
        Assert.True(old.Length <= wanted.Length || actual.AsSpan(wanted.Length).SequenceEqual(old.AsSpan(wanted.Length)));
    }

    [Fact]
    public async Task RelativeNamesAreWrittenAsTheImageFindsThem()
    {
        Directory.CreateDirectory(Folder["sub"]);
        await MakeAsync("base.qcow2", "qcow2", "1M", "write -q -P 1 0 1M");
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-b", Folder["base.qcow2"], "-F", "qcow2", Folder["mid.qcow2"]);
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-b", "../mid.qcow2", "-F", "qcow2", Folder["sub/top.qcow2"]);
        Assert.Equal(0, Cli.Program.Run(Folder.Path, "commit", "sub/top.qcow2").ExitCode);
        await AssertSameAsync(Folder["sub/top.qcow2"], "qcow2", Folder["base.qcow2"], "qcow2");
    }

    [Fact]
    public async Task WhatCannotBeIsRefused()
    {
        var path = await MakeAsync("alone.qcow2", "qcow2", "1M");
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-b", path, "-F", "qcow2", Folder["top.qcow2"]);
        foreach (var (arguments, message) in (IEnumerable<(string[], string)>)
        [
            (["alone.qcow2"], "Image does not have a backing file"),
            (["top.qcow2"], "cannot commit an image into itself"),
            (["top.qcow2", "--top", "top.qcow2"], "'top.qcow2' is at the top of the chain: 'img commit' moves its data into a backing file"),
            (["top.qcow2", "--base", "zork"], "'zork' is not in the backing chain of '" + path + "'"),
        ])
        {
            Assert.Equal((1, "", $"blockuring: {message}\n"), Cli.Program.Run(Folder.Path, ["commit", .. arguments]));
        }
    }

    private static string FormatOf(string path) => path.EndsWith(".raw", StringComparison.Ordinal) ? "raw" : "qcow2";

    // From the top down, three layers or more.
    private async Task<(string Top, string[] Layers)> MakeChainAsync(Random random)
    {
        var images = new RandomImages(Folder, random);
        while (true)
        {
            var (path, format) = await images.MakeAsync("i", maxDepth: 5);
            var layers = Directory.GetFiles(Folder.Path, "i-*").Order(StringComparer.Ordinal).ToArray();
            if (format == "qcow2" && layers.Length >= 3)
                return (path, layers);
            foreach (var layer in layers)
                File.Delete(layer);
        }
    }

    private static async Task KeepAsync(string[] layers, string suffix)
    {
        foreach (var layer in layers)
            await Tool.RunAsync("qemu-img", "convert", "-f", FormatOf(layer), "-O", "raw", layer, $"{layer}.{suffix}");
    }

    private static void Save(string[] layers)
    {
        foreach (var layer in layers)
            File.Copy(layer, layer + ".saved");
    }

    private static void Restore(string[] layers)
    {
        foreach (var layer in layers)
            File.Move(layer + ".saved", layer, overwrite: true);
    }

    private static async Task AssertSoundAsync(string[] layers)
    {
        foreach (var layer in layers.Where(l => FormatOf(l) == "qcow2"))
            await AssertCleanAsync(layer);
    }

    // Whether the image itself holds nothing.
    private static async Task<bool> EmptyAsync(string path) =>
        !(await Tool.RunAsync("qemu-img", "map", "--output=json", path)).Contains("\"depth\": 0, \"present\": true", StringComparison.Ordinal);

    private byte[] Read(string name) => File.ReadAllBytes(Folder[name]);
}
