using BlockUring.Simulation.Jobs.SafeCommit;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Commits into images that others lie over: whatever happens, all but the one committed into show what they showed.</summary>
public sealed class SafeCommitSimulation(ITestOutputHelper output)
{
    [Fact]
    public void A_safe_commit_changes_no_image_but_one() =>
        SeededRuns.OfWorlds(output, 1, 30, seed => new SafeCommitWorld(seed, TreeTrouble.None));

    [Fact]
    public void A_safe_commit_may_be_cancelled_at_any_time() =>
        SeededRuns.OfWorlds(output, 100_001, 15, seed => new SafeCommitWorld(seed, TreeTrouble.Cancel));

    [Fact]
    public void A_safe_commit_survives_any_failing_request() =>
        SeededRuns.OfWorlds(output, 200_001, 20, seed => new SafeCommitWorld(seed, TreeTrouble.Faults));

    [Fact]
    public void A_safe_commit_survives_a_power_cut_at_any_request() =>
        SeededRuns.OfWorlds(output, 300_001, 20, seed => new SafeCommitWorld(seed, TreeTrouble.PowerCut));

    [Fact]
    public void The_guard_alone_keeps_what_lies_over_an_image_that_is_overwritten() =>
        SeededRuns.OfWorlds(output, 400_001, 20, seed => new GuardWorld(seed, TreeTrouble.None));

    [Fact]
    public void The_guard_alone_may_end_anywhere() =>
        SeededRuns.OfWorlds(output, 500_001, 10, seed => new GuardWorld(seed, TreeTrouble.Cancel));

    [Fact]
    public void The_guard_alone_survives_any_failing_request() =>
        SeededRuns.OfWorlds(output, 600_001, 15, seed => new GuardWorld(seed, TreeTrouble.Faults));

    [Fact]
    public void The_guard_alone_survives_a_power_cut_at_any_request() =>
        SeededRuns.OfWorlds(output, 700_001, 15, seed => new GuardWorld(seed, TreeTrouble.PowerCut));
}
