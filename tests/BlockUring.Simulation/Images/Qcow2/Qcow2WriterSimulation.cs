using BlockUring.Native.Interop;
using BlockUring.Simulation.Storage;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Random requests to random qcow2 images, on a disk that reorders, fails and loses power.</summary>
public sealed class Qcow2WriterSimulation(ITestOutputHelper output)
{
    [Fact]
    public void Everything_written_is_read_back_and_nothing_leaks() => ForSeeds(1, 100, seed =>
    {
        using var world = ImageWorld.Make(seed);
        for (var round = 0; round < 3; round++)
        {
            var disk = new SimulatedDisk(seed + round);
            Run(world, disk, new SimulatedHost(world.Buffers, world.Files, disk), 40, failures => Assert.Empty(failures));
            Assert.Equal(0, world.Buffers.RentedBytes);
            AssertSound(world, demandsNoLeaks: true);
            AssertSame(world);
        }
    }, 613, 680);

    [Fact]
    public void A_power_cut_leaves_a_sound_image_with_all_that_was_flushed() => ForSeeds(10_001, 150, seed =>
    {
        using var world = ImageWorld.Make(seed);
        var random = new Random(seed);
        var disk = new SimulatedDisk(seed) { CutAt = random.Next(1, 300) };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        Run(world, disk, host, 40, failures => Assert.Empty(failures));
        var model = world.Model;
        world.Adopt(host.AfterPowerCut(random));
        AssertSound(world, demandsNoLeaks: false);
        AssertPossible(model, world);

        var next = new SimulatedDisk(seed + 1);
        Run(world, next, new SimulatedHost(world.Buffers, world.Files, next), 20, failures => Assert.Empty(failures));
        AssertSound(world, demandsNoLeaks: false);
        AssertSame(world);
    });

    [Fact]
    public void A_failed_request_fails_its_writer_and_harms_nothing_else() => ForSeeds(20_001, 150, seed =>
    {
        using var world = ImageWorld.Make(seed);
        var random = new Random(seed);
        var disk = new SimulatedDisk(seed) { FailAt = random.Next(1, 300), FailWith = random.Next(2) == 0 ? Errno.EIO : Errno.ENOSPC };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        var isOpen = true;
        try
        {
            Run(world, disk, host, 40, failures => Assert.True(failures.Count > 0 ? disk.HasFailed : !disk.HasFailed || world.HasShrunk), checksReads: false);
        }
        catch (BlockUring.Storage.BlockException) when (disk is { HasFailed: true, RequestCount: < 40 })
        {
            isOpen = false;
        }

        Assert.Equal(0, world.Buffers.RentedBytes);
        AssertSound(world, demandsNoLeaks: isOpen);
        AssertPossible(world.Model, world);
    });

    private static void Run(
        ImageWorld world, SimulatedDisk disk, SimulatedHost host, int steps, Action<List<Exception>> judge, bool checksReads = true) =>
        disk.Run(async () => judge(await world.RunAsync(host, steps, checksReads)));

    private static void AssertSound(ImageWorld world, bool demandsNoLeaks)
    {
        var check = world.Check();
        Assert.True(check.Errors.Count == 0, string.Join('\n', check.Errors.Take(10)));
        if (demandsNoLeaks)
            Assert.True(check.Leaks.Count == 0, string.Join('\n', check.Leaks.Take(10)));
    }

    private static void AssertPossible(GuestModel model, ImageWorld world)
    {
        var impossible = model.FirstImpossible(world.ReadAll());
        Assert.True(impossible == null, impossible);
    }

    private static void AssertSame(ImageWorld world)
    {
        var actual = world.ReadAll();
        Assert.Equal(world.Model.Length, actual.Length);
        var same = actual.AsSpan().CommonPrefixLength(world.Model.Content);
        Assert.True(same == actual.Length, $"byte {same} differs");
    }

    private void ForSeeds(int first, int count, Action<int> run, params int[] further) =>
        SeededRuns.Of(output, first, count, run, seed => ImageKind.Draw(new Random(seed)), further);
}
