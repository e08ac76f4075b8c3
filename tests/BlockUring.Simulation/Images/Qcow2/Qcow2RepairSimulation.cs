using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Damaged images are repaired, with the power going, or a request failing, at any request; no guest byte changes.</summary>
public sealed class Qcow2RepairSimulation(ITestOutputHelper output)
{
    private const int MaxPointsPerCase = 20;

    // Why: each point reads the whole disk several times.
    private const int MaxLength = 512 << 10;

    [Fact]
    public void A_repair_makes_the_image_sound() => ForSeeds(110_001, 15, seed =>
    {
        using var world = ImageWorld.Make(seed);
        var content = world.ReadAll();
        var damage = ImageDamage.Do(world.Files[ImageKind.Path], new Random(seed));
        AssertRepairable(world, content, damage);
        world.Adopt(world.Files);
        var disk = new SimulatedDisk(seed);
        disk.Run(async () => Assert.Empty(await world.RunAsync(new SimulatedHost(world.Buffers, world.Files, disk), 10)));
        Assert.Empty(world.Check().Errors);
    });

    [Fact]
    public void After_a_power_cut_the_next_repair_makes_the_image_sound() => ForSeeds(120_001, 10, seed => Sweep(seed, (world, content, damage, point) =>
    {
        var disk = new SimulatedDisk(seed + point) { CutAt = point };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        disk.Run(() => RepairAsync(host));
        if (disk.IsCut)
            world.Adopt(host.AfterPowerCut(new Random(point)));
        AssertRepairable(world, content, damage);
        return disk.RequestCount;
    }));

    [Fact]
    public void After_a_failed_request_the_next_repair_makes_the_image_sound() => ForSeeds(130_001, 10, seed => Sweep(seed, (world, content, damage, point) =>
    {
        var disk = new SimulatedDisk(seed + point) { FailAt = point };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        disk.Run(async () =>
        {
            try
            {
                await RepairAsync(host);
            }
            catch (BlockException) when (disk.HasFailed)
            {
                // Once is all that it fails.
            }
        });
        AssertRepairable(world, content, damage);
        return disk.RequestCount;
    }));

    [Fact]
    public void An_image_that_was_not_closed_cleanly_is_repaired_before_it_is_written_to() => ForSeeds(140_001, 8, seed =>
    {
        using var world = ImageWorld.Make(seed);
        if (world.Kind.Version < 3)
            return;
        var file = world.Files[ImageKind.Path];
        ImageDamage.Do(file, new Random(seed));
        file.Write(Qcow2Header.IncompatibleOffset + 7, [(byte)(BitmapModel.ReadHeader(world)!.Incompatible & ~IncompatibleFeatures.Corrupt | IncompatibleFeatures.Dirty)]);
        world.Adopt(world.Files);
        var disk = new SimulatedDisk(seed);
        disk.Run(async () => Assert.Empty(await world.RunAsync(new SimulatedHost(world.Buffers, world.Files, disk), 10)));
        var check = world.Check();
        Assert.True(check.Errors.Count == 0, string.Join('\n', check.Errors.Take(10)));
        Assert.False(BitmapModel.ReadHeader(world)!.IsDirty);
        Assert.True(world.Model.FirstImpossible(world.ReadAll()) == null);
    });

    // Why fresh files for every point: each run changes them.
    private static void Sweep(int seed, Func<ImageWorld, byte[], string, int, int> run)
    {
        if (ImageKind.Draw(new Random(seed)).Length > MaxLength)
            return;
        var random = new Random(seed);
        using var world = ImageWorld.Make(seed);
        var content = world.ReadAll();
        var damage = ImageDamage.Do(world.Files[ImageKind.Path], new Random(seed));
        var files = world.Files;
        for (int i = 0, point = int.MaxValue; i < MaxPointsPerCase && point > 0; i++)
        {
            world.Adopt(files.ToDictionary(f => f.Key, f => SimulatedFile.Copy(f.Value)));
            int count;
            try
            {
                count = run(world, content, damage, point);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"request {point}: {damage}", e);
            }

            point = count <= MaxPointsPerCase ? point == int.MaxValue ? count : point - 1 : random.Next(1, count + 1);
        }
    }

    private static async Task<CheckResult> RepairAsync(FileHost host)
    {
        var image = await ImageWorld.OpenAsync(host, forCheck: true);
        try
        {
            return (await image.Format.CheckAsync(new CheckRequest(_ => { }, FixesLeaks: true, FixesErrors: true)))!;
        }
        finally
        {
            await image.DisposeAsync();
        }
    }

    private static void AssertRepairable(ImageWorld world, byte[] content, string damage)
    {
        Assert.True(content.AsSpan().SequenceEqual(world.ReadAll()), $"guest data has changed: {damage}");
        var disk = new SimulatedDisk(1) { ImmediateShare = 1 };
        var result = new CheckResult();
        disk.Run(async () => result = await RepairAsync(new SimulatedHost(world.Buffers, world.Files, disk)));
        Assert.Equal((0, 0), (result.Corruptions, result.CheckErrors));
        var check = world.Check();
        Assert.True(check.Errors.Count + check.Leaks.Count == 0, $"{damage}\n{string.Join('\n', check.Errors.Concat(check.Leaks).Take(10))}");
        Assert.False(BitmapModel.ReadHeader(world) is { IsDirty: true } or { IsCorrupt: true });
        Assert.True(content.AsSpan().SequenceEqual(world.ReadAll()), $"guest data has changed: {damage}");
    }

    private void ForSeeds(int first, int count, Action<int> run) =>
        SeededRuns.Of(output, first, count, run, seed => ImageKind.Draw(new Random(seed)));
}
