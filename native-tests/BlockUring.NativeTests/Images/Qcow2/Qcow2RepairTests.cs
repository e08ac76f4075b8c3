using System.Buffers.Binary;
using System.Globalization;
using BlockUring.Simulation.Images.Qcow2;
using Xunit;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>`check -r` says and does what qemu-img does, to images damaged at random.</summary>
public sealed class Qcow2RepairTests(ITestOutputHelper output)
{
    private const int TimedOut = 124;
    private const int Crashed = 128;

    // Why not all: of an image with bitmaps and snapshots, qemu-img 7.2 loses the snapshots when it repairs it.
    public static TheoryData<int> Cases { get; } = [.. Enumerable.Range(0, CheckCase.All.Count).Where(i => CheckCase.All[i].Name != "bitmaps")];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Damage_is_repaired_as_by_qemu_img(int index)
    {
        // BLOCKURING_FUZZ_COUNT asks for more, BLOCKURING_FUZZ_SEED for other ones.
        var count = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_FUZZ_COUNT") ?? "3", CultureInfo.InvariantCulture);
        var firstSeed = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_FUZZ_SEED") ?? "1", CultureInfo.InvariantCulture);
        using var folder = new TempFolder();
        var path = await CheckCase.All[index].MakeAsync(folder);
        var mutation = new MetadataMutation(await File.ReadAllBytesAsync(path));
        var compared = 0;
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
        {
            var (image, what) = mutation.Damage(new Random(seed));
            await File.WriteAllBytesAsync(path, image);
            if (await AssertSameAsync(folder, path, $"{CheckCase.All[index].Name}, seed {seed}: {what}", seed))
                compared++;
        }

        output.WriteLine($"{CheckCase.All[index].Name}: seeds {firstSeed} to {firstSeed + count - 1}, {compared} compared");
        Assert.True(compared > 0);
    }

    [Fact]
    public async Task An_image_that_was_not_closed_cleanly_is_repaired_before_it_is_written_to()
    {
        using var folder = new TempFolder();
        var path = folder["image"];
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", "-o", "lazy_refcounts=on,cluster_size=4k", path, "4M");
        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-c", "write -q -P 1 0 1M", path);

        // As after a crash: the refcounts of the last clusters were not written, and the dirty bit was.
        var image = await File.ReadAllBytesAsync(path);
        image[79] |= 1;
        var block = (int)BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan((int)BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(48))));
        image.AsSpan(block + 200, 200).Clear();
        await File.WriteAllBytesAsync(path, image);
        var (exitCode, _, error) = ImgRun.Run("bench", "-w", "-c", "8", "-s", "64k", "-o", "2M", "--pattern=2", "-f", "qcow2", path);
        Assert.True(exitCode == 0 && error.Contains("was not closed cleanly; ", StringComparison.Ordinal), error);
        await Tool.RunAsync("qemu-img", "check", "-f", "qcow2", path);
        Assert.DoesNotContain("\"dirty-flag\": true", await Tool.RunAsync("qemu-img", "info", "--output=json", path), StringComparison.Ordinal);
        await Tool.RunAsync("qemu-io", "-f", "qcow2", "-r", "-c", "read -q -P 1 0 1M", "-c", "read -q -P 2 2M 512k", path);
    }

    [Fact]
    public async Task Repairs_and_a_shared_image_exclude_each_other()
    {
        using var folder = new TempFolder();
        await Tool.RunAsync("qemu-img", "create", "-q", "-f", "qcow2", folder["image"], "1M");
        string[] arguments = ["check", "-U", "-r", "all", folder["image"]];
        Assert.Equal(await Tool.TryRunAsync("qemu-img", arguments), ImgRun.Run(arguments));
    }

    private static async Task<bool> AssertSameAsync(TempFolder folder, string path, string name, int seed)
    {
        string[] arguments = ["check", "-f", "qcow2", "-r", seed % 3 == 0 ? "leaks" : "all", "--output=" + (seed % 4 == 0 ? "json" : "human"), path];
        var damaged = await File.ReadAllBytesAsync(path);
        var theirs = await Tool.TryRunAsync("timeout", ["20", "qemu-img", .. arguments]);
        if (theirs.ExitCode is TimedOut or >= Crashed || theirs.Error.Contains("Marking image as corrupt", StringComparison.Ordinal))
            return false;
        File.Move(path, folder["theirs"], overwrite: true);
        await File.WriteAllBytesAsync(path, damaged);
        var ours = ImgRun.Run(arguments);
        var (their, our) = (ImgRun.Lines(theirs.Error), ImgRun.Lines(ours.Error));
        Assert.True(their == our, ImgRun.Difference(name, their, our));
        var (theirOutput, ourOutput) = (WithoutEnd(theirs.Output), WithoutEnd(ours.Output));
        Assert.True(theirOutput == ourOutput, ImgRun.Difference(name, theirOutput, ourOutput));
        Assert.True(theirs.ExitCode == ours.ExitCode, $"{name}: exit code {ours.ExitCode}, qemu-img's {theirs.ExitCode}\n{theirs.Error}");
        await AssertResultAsync(path, folder["theirs"], name);
        return true;
    }

    // Why not the end of the image: a repaired snapshot table goes to the end here, where a power cut can do it no harm.
    private static string WithoutEnd(string text) => string.Join(
        '\n', text.Split('\n').Where(l => !l.Contains("image-end-offset", StringComparison.Ordinal) && !l.StartsWith("Image end offset", StringComparison.Ordinal)));

    // Ours may be sounder: qemu-img changes the bitmaps after the repair, and the refcounts with them.
    private static async Task AssertResultAsync(string ours, string theirs, string name)
    {
        var ourCheck = await Tool.TryRunAsync("timeout", "20", "qemu-img", "check", "-q", "-f", "qcow2", ours);
        var theirCheck = await Tool.TryRunAsync("timeout", "20", "qemu-img", "check", "-q", "-f", "qcow2", theirs);
        Assert.True(ourCheck.ExitCode == 0 || ourCheck.ExitCode == theirCheck.ExitCode, $"{name}: afterwards\n{ourCheck.Error}qemu-img's:\n{theirCheck.Error}");
        var (exitCode, text, error) = await Tool.TryRunAsync("timeout", "20", "qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", ours, theirs);
        Assert.True(exitCode != 1, $"{name}: the repaired images differ\n{text}{error}");
    }
}
