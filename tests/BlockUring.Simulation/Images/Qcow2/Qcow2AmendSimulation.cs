using BlockUring.Images;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Images are amended, with the power going, or a request failing, at any request; no guest byte changes.</summary>
public sealed class Qcow2AmendSimulation(ITestOutputHelper output)
{
    private const int MaxPointsPerCase = 20;

    // Why: each point reads the whole disk.
    private const int MaxLength = 512 << 10;

    [Fact]
    public void A_power_cut_leaves_a_sound_image() => ForSeeds(150_001, 40, seed => Sweep(seed, (world, point) =>
    {
        var disk = new SimulatedDisk(seed + point) { CutAt = point };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        disk.Run(() => AmendAsync(host, disk, OptionsFor(world, seed)));
        if (disk.IsCut)
            world.Adopt(host.AfterPowerCut(new Random(point)));
        return disk.RequestCount;
    }));

    [Fact]
    public void A_failed_request_leaves_a_sound_image() => ForSeeds(160_001, 40, seed => Sweep(seed, (world, point) =>
    {
        var disk = new SimulatedDisk(seed + point) { FailAt = point };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        disk.Run(() => AmendAsync(host, disk, OptionsFor(world, seed)));
        return disk.RequestCount;
    }));

    private static Dictionary<string, string> OptionsFor(ImageWorld world, int seed)
    {
        var random = new Random(seed);
        var options = new Dictionary<string, string>();
        if (world.Kind.Version == 2)
            options["compat"] = "1.1";
        else if (world.Kind.RefcountBits == 16 && random.Next(3) > 0)
            options["compat"] = "0.10";
        if (random.Next(2) == 0 && options.GetValueOrDefault("compat") != "0.10")
            options["refcount_bits"] = $"{1 << random.Next(7)}";
        else if (world.Kind.RefcountBits != 16 && random.Next(2) == 0)
            (options["refcount_bits"], options["compat"]) = ("16", "0.10");
        if (options.GetValueOrDefault("compat") != "0.10" && random.Next(2) == 0)
            options["lazy_refcounts"] = "on";
        return options;
    }

    private static async Task AmendAsync(FileHost host, SimulatedDisk disk, Dictionary<string, string> options)
    {
        try
        {
            await using var image = await ImageWorld.OpenAsync(host);
            await ImageAmendment.RunAsync(image, options, _ => { });
        }
        catch (BlockException) when (disk.HasFailed)
        {
            // Once is all that it fails.
        }
        catch (BlockException e) when (e.Kind is BlockErrorKind.Unsupported or BlockErrorKind.Invalid)
        {
            // What cannot be amended: the image is as it was.
        }
    }

    // Why fresh files for every point: each run changes them.
    private static void Sweep(int seed, Func<ImageWorld, int, int> run)
    {
        if (ImageKind.Draw(new Random(seed)).Length > MaxLength)
            return;
        var random = new Random(seed);
        using var world = ImageWorld.Make(seed);
        var content = world.ReadAll();
        var files = world.Files;
        for (int i = 0, point = int.MaxValue; i < MaxPointsPerCase && point > 0; i++)
        {
            world.Adopt(files.ToDictionary(f => f.Key, f => SimulatedFile.Copy(f.Value)));
            int count;
            try
            {
                count = run(world, point);
                AssertSound(world, content);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"request {point}: {string.Join(',', OptionsFor(world, seed))}", e);
            }

            point = count <= MaxPointsPerCase ? point == int.MaxValue ? count : point - 1 : random.Next(1, count + 1);
        }
    }

    private static void AssertSound(ImageWorld world, byte[] content)
    {
        var check = world.Check();
        Assert.True(check.Errors.Count == 0, string.Join('\n', check.Errors.Take(10)));
        Assert.True(content.AsSpan().SequenceEqual(world.ReadAll()), "guest data has changed");
    }

    private void ForSeeds(int first, int count, Action<int> run) =>
        SeededRuns.Of(output, first, count, run, seed => ImageKind.Draw(new Random(seed)));
}
