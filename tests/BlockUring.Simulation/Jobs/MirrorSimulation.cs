using BlockUring.Simulation.Jobs.Mirror;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Mirrors of disks that are being written, and commits of active layers, on devices that reorder, fail and lose power.</summary>
public sealed class MirrorSimulation(ITestOutputHelper output)
{
    [Fact]
    public void A_mirror_equals_its_disk_at_the_pivot_and_leaves_nothing_behind() =>
        SeededRuns.OfWorlds(output, 1, 200, seed => new MirrorWorld(seed, cutsPower: false));

    [Fact]
    public void A_mirror_that_has_taken_its_disks_place_is_whole_after_a_power_cut() =>
        SeededRuns.OfWorlds(output, 100_001, 60, seed => new MirrorWorld(seed, cutsPower: true));
}
