using BlockUring.Simulation.Jobs.Commit;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Commits below disks that are in use, on devices that reorder, fail and lose power.</summary>
public sealed class CommitSimulation(ITestOutputHelper output)
{
    [Fact]
    public void A_commit_changes_no_disk_above_and_its_base_shows_what_top_did() =>
        SeededRuns.OfWorlds(output, 1, 250, seed => new CommitWorld(seed, cutsPower: false));

    [Fact]
    public void A_power_cut_at_any_time_changes_no_disk_above() =>
        SeededRuns.OfWorlds(output, 100_001, 200, seed => new CommitWorld(seed, cutsPower: true));
}
