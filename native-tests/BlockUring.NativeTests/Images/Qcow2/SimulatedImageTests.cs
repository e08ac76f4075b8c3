using System.Globalization;
using BlockUring.Simulation.Images.Qcow2;
using BlockUring.Simulation.Storage;
using Xunit;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>What random writes make of images, and power cuts, judged by `qemu-img check` and `qemu-img compare`.</summary>
public sealed class SimulatedImageTests(ITestOutputHelper output)
{
    private const int LeaksOnly = 3;
    private const string Secret = $"secret,id={ImageKind.SecretName},data={ImageKind.Password}";

    [Fact]
    public Task Written_images_are_clean_and_hold_the_bytes() => ForSeedsAsync(1, 40, async (seed, folder) =>
    {
        using var world = ImageWorld.Make(seed);
        var disk = new SimulatedDisk(seed);
        Run(world, disk, new SimulatedHost(world.Buffers, world.Files, disk));
        await AssertAsync(world, folder, mayLeak: false);
        await File.WriteAllBytesAsync(folder["model"], world.Model.Content.ToArray());
        var (exitCode, text, error) = await Tool.TryRunAsync(
            "qemu-img", "compare", "--object", Secret, "-f", "raw", folder["model"], Name(world, folder));
        Assert.True(exitCode == 0, text + error);
    });

    [Fact]
    public Task Images_are_sound_after_a_power_cut() => ForSeedsAsync(10_001, 40, async (seed, folder) =>
    {
        using var world = ImageWorld.Make(seed);
        var random = new Random(seed);
        var disk = new SimulatedDisk(seed) { CutAt = random.Next(1, 300) };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        Run(world, disk, host);
        world.Adopt(host.AfterPowerCut(random));
        await AssertAsync(world, folder, mayLeak: true);
    });

    private static void Run(ImageWorld world, SimulatedDisk disk, SimulatedHost host) =>
        disk.Run(async () => Assert.Empty(await world.RunAsync(host, 60)));

    private static async Task AssertAsync(ImageWorld world, TempFolder folder, bool mayLeak)
    {
        foreach (var (path, file) in world.Files)
        {
            using var stream = File.Create(folder[Path.GetFileName(path)]);
            var bytes = new byte[1 << 20];
            for (long offset = 0; offset < file.Length; offset += bytes.Length)
            {
                var part = bytes.AsSpan(0, (int)Math.Min(bytes.Length, file.Length - offset));
                file.Read(offset, part);
                if (part.ContainsAnyExcept((byte)0))
                {
                    stream.Position = offset;
                    stream.Write(part);
                }
            }

            stream.SetLength(file.Length);
        }

        var (exitCode, text, error) = await Tool.TryRunAsync("qemu-img", "check", "--object", Secret, Name(world, folder));
        Assert.True(exitCode == 0 || (mayLeak && exitCode == LeaksOnly), $"{world.Kind}\n{text}{error}");
    }

    private static string Name(ImageWorld world, TempFolder folder)
    {
        static string Leaf(string path) => $$"""{"driver":"file","filename":"{{path}}"}""";
        var text = $$"""json:{"driver":"qcow2","file":{{Leaf(folder[Path.GetFileName(ImageKind.Path)])}}""";
        if (world.Kind.IsEncrypted)
            text += $$""","encrypt":{"format":"{{world.Kind.EncryptionFormat}}","key-secret":"{{ImageKind.SecretName}}"}""";
        if (world.Kind.HasDataFile)
            text += $$""","data-file":{{Leaf(folder[Path.GetFileName(ImageKind.DataPath)])}}""";
        if (world.Kind.BackingLength >= 0)
            text += $$""","backing":{"driver":"raw","file":{{Leaf(folder[Path.GetFileName(ImageKind.BackingPath)])}}}""";
        return text + "}";
    }

    // BLOCKURING_SEEDS asks for more, BLOCKURING_SEED for one alone.
    private async Task ForSeedsAsync(int first, int count, Func<int, TempFolder, Task> run)
    {
        if (Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } single)
            (first, count) = (int.Parse(single, CultureInfo.InvariantCulture), 1);
        else if (Environment.GetEnvironmentVariable("BLOCKURING_SEEDS") is { } wanted)
            count = int.Parse(wanted, CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {first} to {first + count - 1}");
        for (var seed = first; seed < first + count; seed++)
        {
            using var folder = new TempFolder();
            try
            {
                await run(seed, folder);
            }
            catch (Exception e) when (e is not Xunit.Sdk.SkipException)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
    }
}
