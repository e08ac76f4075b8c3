using System.Globalization;
using BlockUring.Simulation.Jobs.Mirror;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Mirrors of disks that are being written, and commits of active layers, on devices that reorder, fail and lose power.</summary>
public sealed class MirrorSimulation(ITestOutputHelper output)
{
    [Fact]
    public void A_mirror_equals_its_disk_at_the_pivot_and_leaves_nothing_behind() => ForSeeds(1, 200, seed =>
    {
        using var world = new MirrorWorld(seed, cutsPower: false);
        Judge(seed, world, world.Run);
    });

    [Fact]
    public void A_mirror_that_has_taken_its_disks_place_is_whole_after_a_power_cut() => ForSeeds(100_001, 60, seed =>
    {
        using var world = new MirrorWorld(seed, cutsPower: true);
        Judge(seed, world, world.Run);
    });

    private static void Judge(int seed, object world, Action run)
    {
        try
        {
            run();
        }
        catch (Exception e)
        {
            Assert.Fail($"seed {seed}: {world}\n{e}");
        }
    }

    // BLOCKURING_SEED runs one seed alone; BLOCKURING_SEEDS asks for more of them.
    private void ForSeeds(int first, int count, Action<int> run)
    {
        if (Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } single)
            (first, count) = (int.Parse(single, CultureInfo.InvariantCulture), 1);
        else if (Environment.GetEnvironmentVariable("BLOCKURING_SEEDS") is { } wanted)
            count = int.Parse(wanted, CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {first} to {first + count - 1}");
        var failed = new List<string>();
        foreach (var seed in Enumerable.Range(first, count))
        {
            try
            {
                run(seed);
            }
            catch (Exception e)
            {
                failed.Add(e.Message);
            }
        }

        Assert.True(failed.Count == 0, $"{failed.Count} of {count} seeds\n" + string.Join("\n\n", failed.Take(10)));
    }
}
