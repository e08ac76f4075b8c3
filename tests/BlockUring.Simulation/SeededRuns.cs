using System.Globalization;
using Xunit;

namespace BlockUring.Simulation;

/// <summary>The same simulation from many seeds: all are run, and the first failures are told with their seeds.</summary>
/// <remarks>BLOCKURING_SEED runs one seed alone; BLOCKURING_SEEDS asks for more of them.</remarks>
internal static class SeededRuns
{
    private const int MaxTold = 10;

    /// <summary>Runs a world from each seed.</summary>
    public static void OfWorlds(ITestOutputHelper output, int first, int count, Func<int, ISimulatedWorld> make) => Run(output, first, count, [], seed =>
    {
        ISimulatedWorld? world = null;
        var failure = Try(() => (world = make(seed)).Run(), () => world?.ToString());
        world?.Dispose();
        return failure;
    });

    /// <summary>Runs something from each seed.</summary>
    /// <param name="output">Is told which seeds.</param>
    /// <param name="first">The first of them.</param>
    /// <param name="count">How many.</param>
    /// <param name="run">Throws what is wrong.</param>
    /// <param name="describe">What a seed makes of it; null for nothing to say.</param>
    /// <param name="further">Seeds that are run in any case.</param>
    public static void Of(ITestOutputHelper output, int first, int count, Action<int> run, Func<int, object>? describe = null, params int[] further) =>
        Run(output, first, count, further, seed => Try(() => run(seed), () => $"{describe?.Invoke(seed)}"));

    private static string? Try(Action run, Func<string?> describe)
    {
        try
        {
            run();
            return null;
        }
        catch (Exception e)
        {
            return $"{describe()}\n{e}";
        }
    }

    private static void Run(ITestOutputHelper output, int first, int count, int[] further, Func<int, string?> findFailure)
    {
        if (Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } single)
            (first, count) = (int.Parse(single, CultureInfo.InvariantCulture), 1);
        else if (Environment.GetEnvironmentVariable("BLOCKURING_SEEDS") is { } wanted)
            count = int.Parse(wanted, CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {first} to {first + count - 1}, {string.Join(", ", further)}");
        var (told, failed) = (new List<string>(), 0);
        foreach (var seed in Enumerable.Range(first, count).Concat(further))
        {
            if (findFailure(seed) is not { } failure)
                continue;
            failed++;
            if (told.Count < MaxTold)
                told.Add($"seed {seed}: {failure}");
        }

        Assert.True(failed == 0, $"{failed} of {count + further.Length} seeds\n" + string.Join("\n\n", told));
    }
}
