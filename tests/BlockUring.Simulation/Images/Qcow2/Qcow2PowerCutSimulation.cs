using BlockUring.Simulation.Storage;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>The power goes at every write of random requests and changes of snapshots to small images of all kinds; BLOCKURING_SEEDS says how many.</summary>
public sealed class Qcow2PowerCutSimulation(ITestOutputHelper output)
{
    private const long MaxLength = 512 << 10;

    [Fact]
    public void A_power_cut_at_any_write_leaves_a_sound_image_with_all_that_was_flushed()
    {
        var count = 0;
        SeededRuns.Of(output, 90_001, 25, seed => count += CutAll(seed), seed => ImageKind.Draw(new Random(seed)), 90_367, 90_548, 90_917);
        output.WriteLine($"{count} power cuts");
    }

    private static int CutAll(int seed)
    {
        using var world = ImageWorld.MakeSmall(seed, MaxLength, seed % 3 * 8);
        var disk = new SimulatedDisk(seed);
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        var watch = new CutWatch(world, host, seed);
        disk.Changed = watch.Cut;
        disk.Run(async () => Assert.Empty(await world.RunAsync(host, 30)));
        watch.ThrowIfFailed();
        Assert.Equal(0, world.Buffers.RentedBytes);
        return watch.Count;
    }
}
