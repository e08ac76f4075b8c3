using System.Globalization;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>
/// Damaged images through everything that opens, reads, checks and writes them: an error or a result, never another exception, a hang, a leak of buffers or
/// much memory. BLOCKURING_FUZZ_COUNT asks for more, BLOCKURING_FUZZ_SEED for other ones.
/// </summary>
public sealed class Qcow2HostileSimulation(ITestOutputHelper output)
{
    private const int TemplateCount = 40;
    private const int MaxTold = 5;
    private const long MaxAllocatedBytes = 256 << 20;

    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(5);

    // Once slow, since blocks were counted for each block.
    private static readonly int[] Pinned = [2871];

    private long current;
    private int opened;
    private TimeSpan slowest;
    private long slowestSeed;
    private long largest;

    [Fact]
    public void Hostile_images_are_served_or_refused()
    {
        var count = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_FUZZ_COUNT") ?? "1500", CultureInfo.InvariantCulture);
        var first = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_FUZZ_SEED") ?? "1", CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {first} to {first + count - 1}");
        var failures = new List<string>();
        var worker = new Thread(() => RunAll(first, count, failures)) { IsBackground = true };
        worker.Start();
        for (var last = -1L; !worker.Join(4 * MaxTime); last = Interlocked.Read(ref current))
            Assert.True(last != Interlocked.Read(ref current), $"seed {last} hangs");
        Assert.True(failures.Count == 0, $"{failures.Count} seeds failed\n{string.Join("\n\n", failures.Take(MaxTold))}");
        output.WriteLine($"{opened} opened, {count + Pinned.Length - opened} refused, {slowest.TotalSeconds:f2} s (seed {slowestSeed}) and {largest >> 20} MiB at most");
        Assert.InRange(opened, count / 20, count - (count / 20));
    }

    private void RunAll(int first, int count, List<string> failures)
    {
        using var images = new HostileImages(TemplateCount);
        foreach (var seed in Enumerable.Range(first, count).Concat(Pinned))
        {
            Interlocked.Exchange(ref current, seed);
            try
            {
                RunOne(images, new Random(seed));
            }
            catch (Exception e)
            {
                failures.Add($"seed {seed}: {e}");
            }
        }
    }

    private void RunOne(HostileImages images, Random random)
    {
        var host = images.Draw(random);
        var (rented, allocated, start) = (images.Buffers.RentedBytes, GC.GetAllocatedBytesForCurrentThread(), Environment.CpuUsage.UserTime);
        if (new HostileImageUse(host, random).Run())
            opened++;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        var time = Environment.CpuUsage.UserTime - start;
        largest = Math.Max(allocated, largest);
        if (time > slowest)
            (slowest, slowestSeed) = (time, Interlocked.Read(ref current));
        Assert.True(time < MaxTime, $"{time}");
        Assert.True(allocated < MaxAllocatedBytes, $"{allocated} bytes");
        Assert.Equal(rented, images.Buffers.RentedBytes);
    }
}
