using System.Globalization;
using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Internal snapshots are made, deleted and applied between random writes, with the power going, or a request failing, at any request.</summary>
public sealed class Qcow2SnapshotSimulation(ITestOutputHelper output)
{
    private const int MaxPointsPerCase = 30;

    [Fact]
    public void Snapshots_hold_what_the_disk_held() => ForSeeds(60_001, 12, seed =>
    {
        using var world = ImageWorld.Make(seed);
        var history = new History(world);
        for (var round = 0; round < 6; round++)
        {
            var disk = new SimulatedDisk(seed + round);
            var host = new SimulatedHost(world.Buffers, world.Files, disk);
            disk.Run(() => ChangeAsync(world, host, history, new Random(seed + round)));
            AssertSound(world, mayLeak: false);
            history.DemandAll(world);
            world.Adopt(world.Files);
            disk = new SimulatedDisk(seed + round);
            host = new SimulatedHost(world.Buffers, world.Files, disk);
            disk.Run(async () => Assert.Empty(await world.RunAsync(host, 12)));
            AssertSound(world, mayLeak: false);
            history.DemandSnapshots(world);
        }
    });

    [Fact]
    public void A_power_cut_leaves_the_change_undone_or_done() => ForSeeds(70_001, 5, seed => Sweep(seed, (world, history, point) =>
    {
        var disk = new SimulatedDisk(seed + point) { CutAt = point };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        disk.Run(() => ChangeAsync(world, host, history, new Random(seed + 1)));
        if (disk.IsCut)
            world.Adopt(host.AfterPowerCut(new Random(point)));
        AssertSound(world, mayLeak: true);
        history.DemandAll(world);
        return disk.RequestCount;
    }));

    [Fact]
    public void A_failed_request_leaves_the_change_undone() => ForSeeds(80_001, 5, seed => Sweep(seed, (world, history, point) =>
    {
        var disk = new SimulatedDisk(seed + point) { FailAt = point };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        disk.Run(async () =>
        {
            try
            {
                await ChangeAsync(world, host, history, new Random(seed + 1), flushes: true);
            }
            catch (BlockException) when (disk.HasFailed)
            {
                // Once is all that it fails.
            }
        });
        AssertSound(world, mayLeak: true);
        history.DemandAll(world);
        world.Adopt(world.Files);
        var next = new SimulatedDisk(seed);
        next.Run(async () => Assert.Empty(await world.RunAsync(new SimulatedHost(world.Buffers, world.Files, next), 6)));
        AssertSound(world, mayLeak: true);
        history.DemandSnapshots(world);
        return disk.RequestCount;
    }));

    // Why a fresh world for every point: each run changes it.
    private static void Sweep(int seed, Func<ImageWorld, History, int, int> run)
    {
        var random = new Random(seed);
        for (int i = 0, point = int.MaxValue; i < MaxPointsPerCase && point > 0; i++)
        {
            using var world = ImageWorld.Make(seed);
            var history = new History(world);
            for (var round = 0; round < 2; round++)
            {
                var quiet = new SimulatedDisk(seed) { ImmediateShare = 1 };
                quiet.Run(() => ChangeAsync(world, new SimulatedHost(world.Buffers, world.Files, quiet), history, new Random(seed * 7)));
                world.Adopt(world.Files);
                quiet.Run(async () => Assert.Empty(await world.RunAsync(new SimulatedHost(world.Buffers, world.Files, quiet), 6)));
            }

            history.Begin(world.ReadAll());
            int count;
            try
            {
                count = run(world, history, point);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"request {point}", e);
            }

            point = count <= MaxPointsPerCase ? point == int.MaxValue ? count : point - 1 : random.Next(1, count + 1);
        }
    }

    private static async Task ChangeAsync(ImageWorld world, FileHost host, History history, Random random, bool flushes = false)
    {
        var image = await ImageWorld.OpenAsync(host);
        try
        {
            history.Begin(world.ReadAll());
            await ChangeAsync(world, image, history, random);
        }
        catch (BlockException e) when (e.Kind == BlockErrorKind.Unsupported || e.Message.Contains("cannot exceed", StringComparison.Ordinal))
        {
            Assert.True(world.Kind.HasDataFile || world.Kind.RefcountBits < 8, e.Message);
            history.Undo();
        }
        finally
        {
            if (flushes)
                await image.FlushAsync();
            await image.DisposeAsync();
        }
    }

    private static async Task ChangeAsync(ImageWorld world, Image image, History history, Random random)
    {
        var snapshots = image.Format.Describe().Snapshots;
        var any = snapshots.Count == 0 ? null : snapshots[random.Next(snapshots.Count)];
        switch (random.Next(3))
        {
            case 1 when any != null:
                history.Deleting(any.Id);
                await image.Format.DeleteSnapshotAsync(any.Id, null);
                break;
            case 2 when any != null:
                history.Applying(any.Id, world.Kind.Version);
                await image.Format.ApplySnapshotAsync(any.Id, any.Name);
                break;
            default:
                history.Creating();
                await image.Format.CreateSnapshotAsync("name", DateTimeOffset.UnixEpoch, null);
                break;
        }

        history.Done();
    }

    private static void AssertSound(ImageWorld world, bool mayLeak)
    {
        var check = world.Check();
        Assert.True(check.Errors.Count == 0, string.Join('\n', check.Errors.Take(10)));
        if (!mayLeak)
            Assert.True(check.Leaks.Count == 0, string.Join('\n', check.Leaks.Take(10)));
    }

    private void ForSeeds(int first, int count, Action<int> run) =>
        SeededRuns.Of(output, first, count, run, seed => ImageKind.Draw(new Random(seed)));

    /// <summary>What the disk and each snapshot hold, before and after the change that is being made.</summary>
    private sealed class History
    {
        // Why: a snapshot that was there from the start is read with the length of the disk, which need not be its own.
        private readonly bool knowsLengths;
        private State before;
        private State after;

        public History(ImageWorld world)
        {
            var snapshots = new Dictionary<string, byte[]>();
            foreach (var id in IdsOf(world))
                snapshots.Add(id, Read(world, id));
            before = after = new State(world.ReadAll(), snapshots);
            knowsLengths = snapshots.Count == 0;
        }

        public void Begin(byte[] content) => before = after = before with { Content = content };

        public void Creating() => after = before with { Snapshots = new(before.Snapshots) { [NextId()] = before.Content } };

        public void Deleting(string id)
        {
            after = before with { Snapshots = new(before.Snapshots) };
            after.Snapshots.Remove(id);
        }

        // Why cut in version 2: snapshots have no length there.
        public void Applying(string id, int version)
        {
            var content = before.Snapshots[id];
            if (version < 3)
                Array.Resize(ref content, before.Content.Length);
            after = before with { Content = content };
        }

        public void Undo() => after = before;

        public void Done() => before = after;

        /// <summary>Everything is as before the change, or as after it.</summary>
        public void DemandAll(ImageWorld world)
        {
            var actual = new State(world.ReadAll(), IdsOf(world).ToDictionary(i => i, i => Read(world, i)));
            Assert.True(IsSame(actual, before) || IsSame(actual, after), $"{Describe(actual)}\nis neither {Describe(before)}\nnor {Describe(after)}");
            before = after = IsSame(actual, after) ? after : before;
        }

        public void DemandSnapshots(ImageWorld world)
        {
            Assert.Equal(before.Snapshots.Keys.Order(), IdsOf(world).Order());
            foreach (var (id, content) in before.Snapshots)
                Assert.True(StartsWithAll(Read(world, id), content), $"snapshot {id} has changed");
        }

        private bool IsSame(State one, State other) =>
            (knowsLengths ? one.Content.AsSpan().SequenceEqual(other.Content) : StartsWithAll(one.Content, other.Content)) && one.Snapshots.Count == other.Snapshots.Count
            && one.Snapshots.All(s => other.Snapshots.TryGetValue(s.Key, out var content) && StartsWithAll(s.Value, content));

        // A snapshot is read with the length of the disk as it is now.
        private static bool StartsWithAll(byte[] actual, byte[] expected)
        {
            var length = Math.Min(actual.Length, expected.Length);
            return actual.AsSpan(0, length).SequenceEqual(expected.AsSpan(0, length));
        }

        private static string Describe(State state) =>
            $"{state.Content.Length}: {Hash(state.Content)}, {string.Join(", ", state.Snapshots.Select(s => $"{s.Key} {Hash(s.Value)}"))}";

        private static string Hash(byte[] bytes) => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes))[..8];

        private static IEnumerable<string> IdsOf(ImageWorld world) =>
            SnapshotTable.ReadAsync(world.Files[ImageKind.Path], BitmapModel.ReadHeader(world)).Now().Select(s => s.Id);

        private static byte[] Read(ImageWorld world, string id) => ImageWorld.ReadAll(world.Buffers, world.Files, id);

        private string NextId() => (before.Snapshots.Keys.Select(k => int.Parse(k, CultureInfo.InvariantCulture)).DefaultIfEmpty().Max() + 1)
            .ToString(CultureInfo.InvariantCulture);

        private sealed record State(byte[] Content, Dictionary<string, byte[]> Snapshots);
    }
}
