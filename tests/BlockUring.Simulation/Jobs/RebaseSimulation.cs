using BlockUring.Simulation.Jobs.Rebase;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Rebases of overlays of all kinds from one chain to another, on devices that reorder, fail and lose power.</summary>
public sealed class RebaseSimulation(ITestOutputHelper output)
{
    [Fact]
    public void An_image_shows_the_same_above_its_new_chain() =>
        SeededRuns.OfWorlds(output, 500_001, 100, seed => new RebaseWorld(seed, RebaseTrouble.None));

    [Fact]
    public void A_rebase_that_fails_or_is_stopped_leaves_the_image_right_above_its_old_chain() =>
        SeededRuns.OfWorlds(output, 510_001, 120, seed => new RebaseWorld(seed, seed % 3 == 0 ? RebaseTrouble.Stop : RebaseTrouble.Fault));

    [Fact]
    public void After_a_power_cut_the_image_shows_the_same_above_the_chain_that_its_header_names() =>
        SeededRuns.OfWorlds(output, 520_001, 120, seed => new RebaseWorld(seed, RebaseTrouble.PowerCut));
}
