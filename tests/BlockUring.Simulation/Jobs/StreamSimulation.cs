using System.Globalization;
using BlockUring.Simulation.Jobs.Stream;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Streams in chains that are being written, on devices that reorder, fail and lose power.</summary>
public sealed class StreamSimulation(ITestOutputHelper output)
{
    [Fact]
    public void What_a_guest_sees_is_never_changed_by_streams() => ForSeeds(300_001, 200, seed => Judge(seed, cutsPower: false));

    [Fact]
    public void What_a_guest_has_flushed_is_there_after_a_power_cut() => ForSeeds(400_001, 200, seed => Judge(seed, cutsPower: true));

    private static void Judge(int seed, bool cutsPower)
    {
        using var world = new StreamWorld(seed, cutsPower);
        try
        {
            world.Run();
        }
        catch (Exception e)
        {
            Assert.Fail($"seed {seed}: {world}\n{e}");
        }
    }

    // BLOCKURING_SEED runs one seed alone; BLOCKURING_SEEDS asks for more of them.
    private void ForSeeds(int first, int count, Action<int> run)
    {
        if (Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } single)
            (first, count) = (int.Parse(single, CultureInfo.InvariantCulture), 1);
        else if (Environment.GetEnvironmentVariable("BLOCKURING_SEEDS") is { } wanted)
            count = int.Parse(wanted, CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {first} to {first + count - 1}");
        var failed = new List<string>();
        foreach (var seed in Enumerable.Range(first, count))
        {
            try
            {
                run(seed);
            }
            catch (Exception e)
            {
                failed.Add(e.Message);
            }
        }

        Assert.True(failed.Count == 0, $"{failed.Count} of {count} seeds\n" + string.Join("\n\n", failed.Take(10)));
    }
}
