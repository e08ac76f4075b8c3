using BlockUring.Bitmaps;
using BlockUring.Images;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Bitmaps in images that keep a log of write intents, with the power going at any request.</summary>
public sealed class Qcow2IntentsSimulation(ITestOutputHelper output)
{
    private const int PointsPerCase = 8;
    private const int FirstClusterBits = 13;

    [Fact]
    public void After_a_power_cut_bitmaps_have_recorded_at_least_what_was_written() => SeededRuns.Of(output, 60_001, 12, seed =>
    {
        var random = new Random(seed);
        var count = Run(seed, int.MaxValue);
        for (var i = 0; i < PointsPerCase; i++)
            Run(seed, random.Next(1, count + 1));
    });

    private static int Run(int seed, int point)
    {
        using var world = MakeWorld(seed);
        var history = new History();
        var quiet = new SimulatedDisk(seed) { ImmediateShare = 1 };
        quiet.Run(() => PrepareAsync(world, new SimulatedHost(world.Buffers, world.Files, quiet), history, new Random(seed)));
        var disk = new SimulatedDisk(seed) { CutAt = point };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        disk.Run(() => UseAsync(host, history, new Random(seed + 1)));
        if (disk.IsCut)
            world.Adopt(host.AfterPowerCut(new Random(point)));
        try
        {
            Judge(world, history);
            GoOn(world, seed);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"request {point}", e);
        }

        return disk.RequestCount;
    }

    private static ImageWorld MakeWorld(int seed)
    {
        while (true)
        {
            var world = ImageWorld.Make(seed);
            if (world.Kind.Version == 3 && world.Kind.ClusterBits >= FirstClusterBits)
                return world;
            world.Dispose();
            seed += 1_000_000;
        }
    }

    private static async Task PrepareAsync(ImageWorld world, FileHost host, History history, Random random)
    {
        var image = await ImageWorld.OpenAsync(host);
        await image.LoadBitmapsAsync();
        for (var i = random.Next(1, 4); i > 0; i--)
            image.Bitmaps!.Create($"b{i}", image.Length, 512L << random.Next(9)).IsPersistent = true;
        await image.Format.KeepBitmapsThroughCrashesAsync();
        history.Content = world.ReadAll();
        await StoreAsync(image, history);
        await image.DisposeAsync();
    }

    private static async Task UseAsync(FileHost host, History history, Random random)
    {
        for (var session = random.Next(1, 3); session > 0; session--)
        {
            var image = await ImageWorld.OpenAsync(host);
            await image.LoadBitmapsAsync();
            for (var i = random.Next(2, 12); i > 0; i--)
                await StepAsync(image, history, random);
            await image.FlushAsync();
            await StoreAsync(image, history);
            await image.DisposeAsync();
        }
    }

    private static async Task StepAsync(Image image, History history, Random random)
    {
        switch (random.Next(8))
        {
            case 0:
                await StoreAsync(image, history);
                break;
            case 1:
                var cleared = image.Bitmaps![random.Next(image.Bitmaps.Count)];
                await image.Format.PrepareBitmapChangeAsync(onlyClears: true);
                cleared.Clear();
                history.Forget(cleared.Name!);
                break;
            case 2:
                await image.FlushAsync();
                break;
            default:
                // In different parts of the disk, at the same time.
                var third = (image.Length / 3) & -512;
                await Task.WhenAll(Enumerable.Range(0, 3).Where(_ => random.Next(3) > 0 && third > 0).Select(i => WriteAsync(image, i * third, third, history, random)));
                break;
        }
    }

    private static async Task WriteAsync(Image image, long start, long room, History history, Random random)
    {
        var offset = start + (random.NextInt64(room) & -512);
        var length = (int)Math.Min(start + room - offset, 512 * random.Next(1, 60));
        using var buffer = image.Buffers.Rent(length);
        if (random.Next(4) == 0)
        {
            history.Content.AsSpan((int)offset, length).Clear();
            await image.WriteZeroesAsync(offset, length, random.Next(2) == 0 ? WriteFlags.MayUnmap : WriteFlags.None);
            return;
        }

        random.NextBytes(buffer.Span[..length]);
        buffer.Span[..length].CopyTo(history.Content.AsSpan((int)offset));
        await image.WriteAsync(offset, buffer.Memory.Slice(0, length));
    }

    private static async Task StoreAsync(Image image, History history)
    {
        var stored = history.Begin(image.Bitmaps!);
        await image.StoreBitmapsAsync();
        history.End(stored);
    }

    private static void Judge(ImageWorld world, History history)
    {
        var check = world.Check();
        Assert.True(check.Errors.Count == 0, string.Join('\n', check.Errors.Take(10)));
        var host = new MemoryFileHost(world.Buffers);
        foreach (var file in world.Files.Values)
            host.Add(file);
        var image = ImageWorld.OpenAsync(host, readOnly: true).Now();
        image.LoadBitmapsAsync().Now();
        Assert.All(image.Bitmaps!, b => Assert.False(b.IsInconsistent, $"{b.Name} is inconsistent"));
        var complaints = history.Complaints(image.Bitmaps!, world.ReadAll());
        Assert.True(complaints.Any(c => c == null), string.Join('\n', complaints));
        image.DisposeAsync().Now();
    }

    // What was found after the cut can be used and stored, and is then as in any image.
    private static void GoOn(ImageWorld world, int seed)
    {
        var disk = new SimulatedDisk(seed);
        var history = new History { Content = world.ReadAll() };
        disk.Run(() => UseAsync(new SimulatedHost(world.Buffers, world.Files, disk), history, new Random(seed)));
        Judge(world, history);
    }

    /// <summary>The disk and its bitmaps when they were stored last; while they are being stored, also the times before.</summary>
    private sealed class History
    {
        private readonly List<Instant> instants = [];

        public byte[] Content { get; set; } = [];

        public Instant Begin(DirtyBitmapList bitmaps)
        {
            var instant = new Instant([.. Content], bitmaps.ToDictionary(b => b.Name!, Chunks));
            instants.Add(instant);
            return instant;
        }

        public void End(Instant stored)
        {
            instants.Clear();
            instants.Add(stored);
        }

        public void Forget(string name) => instants.ForEach(i => i.Dirty[name] = []);

        // Null for an instant since which every change is recorded.
        public List<string?> Complaints(DirtyBitmapList bitmaps, byte[] content) => [.. instants.Select(i => Complain(i, bitmaps, content)).DefaultIfEmpty()];

        private static string? Complain(Instant instant, DirtyBitmapList bitmaps, byte[] content)
        {
            foreach (var (name, dirty) in instant.Dirty)
            {
                if (bitmaps.Find(name) is not { } bitmap)
                    return $"{name} is missing";
                var found = Chunks(bitmap);
                if (dirty.Except(found).Any())
                    return $"{name}: chunk {dirty.Except(found).First()} was dirty";
                for (long at = 0; at < content.Length; at += bitmap.Granularity)
                {
                    var part = (int)Math.Min(bitmap.Granularity, content.Length - at);
                    var isSame = content.AsSpan((int)at, part).SequenceEqual(instant.Content.AsSpan((int)at, part));
                    if (!isSame && !found.Contains(at))
                        return $"{name}: the chunk at {at} has changed and is clean";
                }
            }

            return null;
        }

        private static HashSet<long> Chunks(DirtyBitmap bitmap)
        {
            var chunks = new HashSet<long>();
            for (var at = bitmap.NextDirty(0, bitmap.Length); at >= 0; at = at + bitmap.Granularity < bitmap.Length ? bitmap.NextDirty(at + bitmap.Granularity, bitmap.Length) : -1)
                chunks.Add(at & -bitmap.Granularity);
            return chunks;
        }
    }

    private sealed record Instant(byte[] Content, Dictionary<string, HashSet<long>> Dirty);
}
