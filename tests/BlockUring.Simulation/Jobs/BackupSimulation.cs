using System.Globalization;
using BlockUring.Simulation.Jobs.Backup;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Backups of disks that are being written, on devices that reorder, fail and lose power.</summary>
public sealed class BackupSimulation(ITestOutputHelper output)
{
    [Fact]
    public void A_backup_holds_what_the_disk_held_at_its_instant_and_leaves_nothing_behind() => ForSeeds(1, 150, seed =>
    {
        using var world = new BackupWorld(seed, cutsPower: false);
        Judge(seed, world, world.Run);
    });

    [Fact]
    public void A_backup_that_was_told_to_be_complete_is_whole_after_a_power_cut() => ForSeeds(100_001, 40, seed =>
    {
        using var world = new BackupWorld(seed, cutsPower: true);
        Judge(seed, world, world.Run);
    });

    [Fact]
    public void A_snapshot_shows_its_instant_to_whoever_reads_it_while_the_disk_is_written() => ForSeeds(200_001, 100, seed =>
    {
        using var world = new SnapshotWorld(seed);
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
