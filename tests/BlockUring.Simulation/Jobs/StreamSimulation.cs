using BlockUring.Simulation.Jobs.Stream;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Streams in chains that are being written, on devices that reorder, fail and lose power.</summary>
public sealed class StreamSimulation(ITestOutputHelper output)
{
    [Fact]
    public void What_a_guest_sees_is_never_changed_by_streams() =>
        SeededRuns.OfWorlds(output, 300_001, 200, seed => new StreamWorld(seed, cutsPower: false));

    [Fact]
    public void What_a_guest_has_flushed_is_there_after_a_power_cut() =>
        SeededRuns.OfWorlds(output, 400_001, 200, seed => new StreamWorld(seed, cutsPower: true));
}
