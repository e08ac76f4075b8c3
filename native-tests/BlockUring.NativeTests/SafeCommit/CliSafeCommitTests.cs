using System.Globalization;
using System.Text.Json;
using BlockUring.NativeTests.Images;
using Xunit;
using Ours = BlockUring.NativeTests.Img.Program;

namespace BlockUring.NativeTests.SafeCommit;

/// <summary>Safe commits of images that nobody uses, in trees that qemu-img makes and judges.</summary>
public sealed class CliSafeCommitTests(ITestOutputHelper output)
{
    [Fact]
    public Task Img_commit_keeps_all_images_but_the_base() => ForSeedsAsync(1, 6, ImgCommitAsync);

    [Fact]
    public Task A_commit_of_layers_keeps_all_images_but_the_base() => ForSeedsAsync(20_001, 4, CommitAsync);

    [Fact]
    public async Task The_plan_says_what_each_overlay_gets_and_changes_nothing()
    {
        using var folder = new TempFolder();
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "raw", folder["base"], "4M");
        await Tool.RunAsync("qemu-io", "-f", "raw", "-c", "write -q -P 1 0 1M", folder["base"]);
        foreach (var (name, cluster) in (IEnumerable<(string, string)>)[("top", "64k"), ("side", "2M"), ("far", "512")])
        {
            await Tool.RunAsync(
                "qemu-img", "create", "-q", "-f", "qcow2", "-o", $"cluster_size={cluster}", "-b", folder["base"], "-F", "raw", folder[name]);
        }
        await Tool.RunAsync("qemu-io", "-c", "write -q -P 2 64k 64k", "-c", "write -q -P 3 3M 64k", folder["top"]);
        var before = await File.ReadAllBytesAsync(folder["side"], TestContext.Current.CancellationToken);
        string[] protect = ["--safe", "--protect", folder["side"], "--protect", folder["far"]];
        var (code, text, error) = await Ours.TryImgAsync(["commit", .. protect, "--dry-run", "--output", "json", folder["top"]]);
        Assert.Equal((0, ""), (code, error));
        var plan = JsonDocument.Parse(text).RootElement;
        Assert.Equal(131072, plan.GetProperty("bytes").GetInt64());
        var overlays = plan.GetProperty("overlays").EnumerateArray().ToDictionary(
            o => o.GetProperty("file").GetString()!, o => (o.GetProperty("bytes").GetInt64(), o.GetProperty("data-bytes").GetInt64()));
        Assert.Equal((4L << 20, 1L << 20), overlays[folder["side"]]);
        Assert.Equal((131072, 65536), overlays[folder["far"]]);
        Assert.Equal(before, await File.ReadAllBytesAsync(folder["side"], TestContext.Current.CancellationToken));
        var (_, words, _) = await Ours.TryImgAsync(["commit", .. protect, "--dry-run", folder["top"]]);
        Assert.Equal(
            $"128 KiB would be written to {folder["base"]}\n4 MiB would be copied to {folder["side"]} before (1 MiB of data)\n" +
            $"128 KiB would be copied to {folder["far"]} before (64 KiB of data)\n",
            words);
    }

    [Fact]
    public async Task What_cannot_be_kept_is_said_before_anything_is_written()
    {
        using var folder = new TempFolder();
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "raw", folder["base"], "1M");
        foreach (var name in (string[])["top", "snap"])
            await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-b", folder["base"], "-F", "raw", folder[name]);
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", folder["other"], "1M");
        await Tool.RunAsync("qemu-img", "snapshot", "-c", "s", folder["snap"]);
        await Tool.RunAsync("qemu-io", "-c", "write -q -P 2 0 64k", folder["top"]);
        Assert.Equal("blockuring: --protect needs --safe\n", await Ours.FailAsync("commit", "--protect", folder["snap"], folder["top"]));
        Assert.Contains("it has internal snapshots ('s')", await Ours.FailAsync("commit", "--safe", "--protect", folder["snap"], folder["top"]));
        Assert.Contains("does not lie over", await Ours.FailAsync("commit", "--safe", "--protect", folder["other"], folder["top"]));
        Assert.Contains("there is neither a node nor a file", await Ours.FailAsync("commit", "--safe", "--protect", folder["none"], folder["top"]));
        Assert.Contains("Could not read directory", await Ours.FailAsync("commit", "--safe", "--protect-directory", folder["none"], folder["top"]));
        Assert.True((await File.ReadAllBytesAsync(folder["base"], TestContext.Current.CancellationToken)).All(b => b == 0));
    }

    private static async Task ImgCommitAsync(int seed)
    {
        var random = new Random(seed);
        using var folder = new TempFolder();
        var (tree, top, below) = await GrowAsync(folder, random, needsOverlay: false);
        string[] how = random.Next(2) == 0 ? ["--protect-directory", folder.Path] : Names(tree, below, top, folder);
        string[] to = below == top.Parent && random.Next(2) == 0 ? [] : ["-b", folder[below.File]];
        await Ours.ImgAsync(["commit", "-q", "--safe", .. how, .. to, folder[top.File]]);
        await JudgeAsync(tree, below, top);
    }

    private static async Task CommitAsync(int seed)
    {
        var random = new Random(seed);
        using var folder = new TempFolder();
        var (tree, top, below) = await GrowAsync(folder, random, needsOverlay: true);
        if (top == tree.Trunk[^1])
            return;
        var image = tree.Trunk[tree.Trunk.IndexOf(top) + 1];
        string[] from = ["--top", folder[top.File], "--base", folder[below.File], folder[image.File]];
        await Ours.RunAsync(["commit", "--safe", "--protect-directory", folder.Path, "--cache", "writeback", .. from]);
        await JudgeAsync(tree, below, top);
    }

    private static async Task<(RealTree Tree, RealImage Top, RealImage Below)> GrowAsync(TempFolder folder, Random random, bool needsOverlay)
    {
        var tree = new RealTree(folder.Path, random);
        await tree.GrowAsync();
        await tree.NoteAsync();
        var index = random.Next(1, tree.Trunk.Count - (needsOverlay && tree.Trunk.Count > 2 ? 1 : 0));
        return (tree, tree.Trunk[index], tree.Trunk[random.Next(index)]);
    }

    private static string[] Names(RealTree tree, RealImage below, RealImage top, TempFolder folder) =>
        [.. tree.OverlaysOf(below).Where(o => o != top).SelectMany(o => (string[])["--protect", folder[o.File]])];

    private static async Task JudgeAsync(RealTree tree, RealImage below, RealImage top)
    {
        await tree.JudgeAsync(below, mayLeak: false);
        if (below.Length <= top.Length)
            await tree.CompareAsync(below, top);
    }

    private async Task ForSeedsAsync(int first, int count, Func<int, Task> run)
    {
        if (Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } single)
            (first, count) = (int.Parse(single, CultureInfo.InvariantCulture), 1);
        else if (Environment.GetEnvironmentVariable("BLOCKURING_SEEDS") is { } wanted)
            count = int.Parse(wanted, CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {first} to {first + count - 1}");
        foreach (var seed in Enumerable.Range(first, count))
        {
            try
            {
                await run(seed);
            }
            catch (Exception e) when (e is not OperationCanceledException && e.GetType().Name != "SkipException")
            {
                Assert.Fail($"seed {seed}\n{e}");
            }
        }
    }
}
