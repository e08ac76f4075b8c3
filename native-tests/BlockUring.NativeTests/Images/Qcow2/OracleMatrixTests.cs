using System.Globalization;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Simulation.Images.Qcow2;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Images.Qcow2;

/// <summary>
/// Random requests to small images of all kinds: ours judged by QEMU, and those of qemu-io judged by us. BLOCKURING_SEEDS says how many sequences, both ways.
/// </summary>
public sealed class OracleMatrixTests(ITestOutputHelper output)
{
    private const int BatchLength = 50;
    private const long MaxLength = 384 << 10;

    [Fact]
    public Task What_we_write_is_clean_and_the_same_for_qemu() => ForBatchesAsync(200_001, 200, async (first, count) =>
    {
        using var batch = new OracleBatch();
        for (var seed = first; seed < first + count; seed++)
            Add(batch, seed);
        await batch.CompareAsync();
        await batch.CompareSnapshotsAsync();
        await batch.CheckAsync();
    });

    [Fact]
    public Task What_qemu_io_writes_is_clean_and_the_same_for_us() => ForBatchesAsync(300_001, 200, async (first, count) =>
    {
        using var batch = new OracleBatch();
        for (var seed = first; seed < first + count; seed++)
        {
            using var world = ImageWorld.MakeSmall(seed, MaxLength, 0);
            batch.Add(world, seed);
        }

        var sequences = batch.Entries.ToDictionary(e => e, e => new QemuIoSequence(e.Kind, e.Content, new Random(e.Seed), 30));
        var maps = await batch.PlayAsync(e => sequences[e].Commands);
        Assert.Equal(batch.Entries.Count, maps.Count);
        foreach (var (entry, map) in batch.Entries.Zip(maps))
            Judge(batch, entry, sequences[entry], map);
    });

    private static void Add(OracleBatch batch, int seed)
    {
        try
        {
            using var world = ImageWorld.MakeSmall(seed, MaxLength, 0);
            for (var session = 0; session < 2; session++)
            {
                var disk = new SimulatedDisk(seed + session);
                disk.Run(async () => Assert.Empty(await world.RunAsync(new SimulatedHost(world.Buffers, world.Files, disk), 20)));
            }

            var check = world.Check();
            Assert.Empty(check.Errors.Concat(check.Leaks));
            Assert.True(world.Model.Content.SequenceEqual(world.ReadAll()), "it does not read as it was written");
            Assert.Null(world.Snapshots?.FirstImpossible(world.Buffers, world.Files));
            batch.Add(world, seed);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}", e);
        }
    }

    private static void Judge(OracleBatch batch, OracleBatch.Entry entry, QemuIoSequence sequence, List<(long Offset, bool IsAllocated)> map)
    {
        using var buffers = new BufferPool();
        var files = batch.Load(entry, buffers);
        var story = $"{entry}\n{string.Join('\n', sequence.Commands)}";
        var actual = ImageWorld.ReadAll(buffers, files);
        Assert.True(actual.Length == sequence.Content.Length, $"{actual.Length} bytes, not {sequence.Content.Length}: {story}");
        var same = actual.AsSpan().CommonPrefixLength(sequence.Content);
        Assert.True(same == actual.Length, $"byte {same} of {actual.Length} differs: {story}");
        var check = ImageCheck.Of(files[ImageKind.Path]);
        Assert.True(check.Errors.Count + check.Leaks.Count == 0, $"{string.Join('\n', check.Errors.Concat(check.Leaks).Take(5))}\n{story}");

        var host = new MemoryFileHost(buffers);
        foreach (var file in files.Values)
            host.Add(file);
        var image = ImageWorld.OpenAsync(host, readOnly: true).Now();
        var lines = new List<string>();
        var result = image.Format.CheckAsync(new CheckRequest(lines.Add)).Now()!;
        Assert.True(result.CheckErrors + result.Corruptions + result.Leaks + lines.Count == 0, $"{string.Join('\n', lines)}\n{story}");
        Assert.True(map.SequenceEqual(MapOf(image)), $"qemu-io: {string.Join(' ', map)}\nours: {string.Join(' ', MapOf(image))}\n{story}");
        image.DisposeAsync().Now();
    }

    private static List<(long Offset, bool IsAllocated)> MapOf(Image image)
    {
        List<(long Offset, bool IsAllocated)> runs = [];
        for (long offset = 0; offset < image.Length;)
        {
            var status = image.GetLayerStatusAsync(offset, image.Length - offset).Now();
            if (runs.Count == 0 || runs[^1].IsAllocated != status.IsAllocated)
                runs.Add((offset, status.IsAllocated));
            offset += status.Length;
        }

        return runs;
    }

    private async Task ForBatchesAsync(int first, int count, Func<int, int, Task> judge)
    {
        if (Environment.GetEnvironmentVariable("BLOCKURING_SEED") is { } single)
            (first, count) = (int.Parse(single, CultureInfo.InvariantCulture), 1);
        else if (Environment.GetEnvironmentVariable("BLOCKURING_SEEDS") is { } wanted)
            count = int.Parse(wanted, CultureInfo.InvariantCulture);
        await Tool.RunAsync("qemu-io", "--version");
        output.WriteLine($"seeds {first} to {first + count - 1}");
        var starts = Enumerable.Range(0, (count + BatchLength - 1) / BatchLength).Select(i => first + (i * BatchLength));
        var failures = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount };
        await Parallel.ForEachAsync(starts, options, async (start, _) =>
        {
            try
            {
                await judge(start, Math.Min(BatchLength, first + count - start));
            }
            catch (Exception e)
            {
                failures.Enqueue(e.ToString());
            }
        });
        Assert.True(failures.IsEmpty, $"{failures.Count} batches failed\n{string.Join("\n\n", failures.Take(10))}");
    }
}
