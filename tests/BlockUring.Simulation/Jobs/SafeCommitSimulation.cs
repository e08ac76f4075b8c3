using System.Globalization;
using BlockUring.Simulation.Jobs.SafeCommit;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Commits into images that others lie over: whatever happens, all but the one committed into show what they showed.</summary>
public sealed class SafeCommitSimulation(ITestOutputHelper output)
{
    [Fact]
    public void What_a_guard_keeps_shows_the_same_and_the_image_below_gets_all() => ForSeeds(1, 100, GuardTrouble.None);

    [Fact]
    public void A_guarded_commit_may_end_anywhere() => ForSeeds(100_001, 60, GuardTrouble.Cancel);

    [Fact]
    public void A_guarded_commit_survives_any_failing_request() => ForSeeds(200_001, 80, GuardTrouble.Faults);

    [Fact]
    public void A_guarded_commit_survives_a_power_cut_at_any_request() => ForSeeds(300_001, 80, GuardTrouble.PowerCut);

    // BLOCKURING_SEED runs one seed alone; BLOCKURING_SEEDS asks for more of them.
    private void ForSeeds(int first, int count, GuardTrouble trouble)
    {
        if (Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } single)
            (first, count) = (int.Parse(single, CultureInfo.InvariantCulture), 1);
        else if (Environment.GetEnvironmentVariable("BLOCKURING_SEEDS") is { } wanted)
            count = int.Parse(wanted, CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {first} to {first + count - 1}");
        var failed = new List<string>();
        foreach (var seed in Enumerable.Range(first, count))
        {
            using var world = new GuardWorld(seed, trouble);
            try
            {
                world.Run();
            }
            catch (Exception e)
            {
                failed.Add($"seed {seed}: {world}\n{e}");
            }
        }

        Assert.True(failed.Count == 0, $"{failed.Count} of {count} seeds\n" + string.Join("\n\n", failed.Take(5)));
    }
}
