using System.Globalization;
using BlockUring.Simulation.Jobs.Commit;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Commits below disks that are in use, on devices that reorder, fail and lose power.</summary>
public sealed class CommitSimulation(ITestOutputHelper output)
{
    [Fact]
    public void A_commit_changes_no_disk_above_and_its_base_shows_what_top_did() => ForSeeds(1, 250, cutsPower: false);

    [Fact]
    public void A_power_cut_at_any_time_changes_no_disk_above() => ForSeeds(100_001, 200, cutsPower: true);

    // BLOCKURING_SEED runs one seed alone; BLOCKURING_SEEDS asks for more of them.
    private void ForSeeds(int first, int count, bool cutsPower)
    {
        if (Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } single)
            (first, count) = (int.Parse(single, CultureInfo.InvariantCulture), 1);
        else if (Environment.GetEnvironmentVariable("BLOCKURING_SEEDS") is { } wanted)
            count = int.Parse(wanted, CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {first} to {first + count - 1}");
        var failed = new List<string>();
        foreach (var seed in Enumerable.Range(first, count))
        {
            using var world = new CommitWorld(seed, cutsPower);
            try
            {
                world.Run();
            }
            catch (Exception e)
            {
                failed.Add($"seed {seed}: {world}\n{e}");
            }
        }

        Assert.True(failed.Count == 0, $"{failed.Count} of {count} seeds\n" + string.Join("\n\n", failed.Take(10)));
    }
}
