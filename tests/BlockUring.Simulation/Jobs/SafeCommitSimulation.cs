using System.Globalization;
using BlockUring.Simulation.Jobs.SafeCommit;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Commits into images that others lie over: whatever happens, all but the one committed into show what they showed.</summary>
public sealed class SafeCommitSimulation(ITestOutputHelper output)
{
    [Fact]
    public void A_safe_commit_changes_no_image_but_one() => ForSeeds(1, 30, seed => new SafeCommitWorld(seed, TreeTrouble.None));

    [Fact]
    public void A_safe_commit_may_be_cancelled_at_any_time() => ForSeeds(100_001, 15, seed => new SafeCommitWorld(seed, TreeTrouble.Cancel));

    [Fact]
    public void A_safe_commit_survives_any_failing_request() => ForSeeds(200_001, 20, seed => new SafeCommitWorld(seed, TreeTrouble.Faults));

    [Fact]
    public void A_safe_commit_survives_a_power_cut_at_any_request() => ForSeeds(300_001, 20, seed => new SafeCommitWorld(seed, TreeTrouble.PowerCut));

    [Fact]
    public void The_guard_alone_keeps_what_lies_over_an_image_that_is_overwritten() => ForSeeds(400_001, 20, seed => new GuardWorld(seed, TreeTrouble.None));

    [Fact]
    public void The_guard_alone_may_end_anywhere() => ForSeeds(500_001, 10, seed => new GuardWorld(seed, TreeTrouble.Cancel));

    [Fact]
    public void The_guard_alone_survives_any_failing_request() => ForSeeds(600_001, 15, seed => new GuardWorld(seed, TreeTrouble.Faults));

    [Fact]
    public void The_guard_alone_survives_a_power_cut_at_any_request() => ForSeeds(700_001, 15, seed => new GuardWorld(seed, TreeTrouble.PowerCut));

    // BLOCKURING_SEED runs one seed alone; BLOCKURING_SEEDS asks for more of them.
    private void ForSeeds(int first, int count, Func<int, TreeWorld> make)
    {
        if (Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } single)
            (first, count) = (int.Parse(single, CultureInfo.InvariantCulture), 1);
        else if (Environment.GetEnvironmentVariable("BLOCKURING_SEEDS") is { } wanted)
            count = int.Parse(wanted, CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {first} to {first + count - 1}");
        var failed = new List<string>();
        foreach (var seed in Enumerable.Range(first, count))
        {
            using var world = make(seed);
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
