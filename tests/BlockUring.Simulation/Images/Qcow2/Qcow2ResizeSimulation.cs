using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>One resizing alone, with the power going, or a request failing, at any of its requests.</summary>
public sealed class Qcow2ResizeSimulation
{
    private const int MaxPointsPerCase = 60;

    public enum Size
    {
        /// <summary>Further than the first L1 table has room for.</summary>
        Longest,

        /// <summary>That, with places for all clusters.</summary>
        LongestPreallocated,

        /// <summary>By a cluster or so.</summary>
        Longer,

        /// <summary>That, with places for the clusters.</summary>
        LongerPreallocated,

        /// <summary>By about half, within a cluster.</summary>
        Half,

        Smallest,
    }

    [Theory]
    [CombinatorialSizes]
    public void A_power_cut_leaves_the_old_size_or_the_new_one(int seed, Size size) => Sweep(seed, size, (world, point, length, mode) =>
    {
        var disk = new SimulatedDisk(seed + point) { CutAt = point };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        Run(world, disk, host, length, mode);
        if (!disk.IsCut)
            return disk.RequestCount;
        var model = world.Model;
        world.Adopt(host.AfterPowerCut(new Random(point)));
        AssertSound(world, mayLeak: true);
        var impossible = model.FirstImpossible(world.ReadAll());
        Assert.True(impossible == null, impossible);
        return disk.RequestCount;
    });

    [Theory]
    [CombinatorialSizes]
    public void A_failed_request_leaves_the_old_size_or_the_new_one(int seed, Size size) => Sweep(seed, size, (world, point, length, mode) =>
    {
        var disk = new SimulatedDisk(seed + point) { FailAt = point };
        Run(world, disk, new SimulatedHost(world.Buffers, world.Files, disk), length, mode);
        AssertSound(world, mayLeak: false);
        var actual = world.ReadAll();
        Assert.Equal(world.Model.Length, actual.Length);
        var impossible = world.Model.FirstImpossible(actual);
        Assert.True(impossible == null, impossible);
        return disk.RequestCount;
    });

    // Why a fresh world for every point: each run changes it.
    private static void Sweep(int seed, Size size, Func<ImageWorld, int, long, PreallocationMode, int> run)
    {
        var random = new Random(seed);
        var count = 1;
        var mode = size is Size.LongestPreallocated or Size.LongerPreallocated ? (PreallocationMode)(1 + (seed % 3)) : PreallocationMode.Off;
        for (int i = 0, point = int.MaxValue; i < MaxPointsPerCase && point > 0; i++)
        {
            using var world = ImageWorld.Make(seed);
            if (!world.Kind.CanResize || (!world.Kind.CanGrow && size < Size.Half))
                return;

            // Their new clusters read as noise.
            if (mode != PreallocationMode.Off && world.Kind is { IsEncrypted: true, Version: 2 })
                return;
            try
            {
                count = run(world, point, LengthOf(world, size), mode);
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, request {point}: {world.Kind}\n{e}");
            }

            point = count <= MaxPointsPerCase ? point == int.MaxValue ? count : point - 1 : random.Next(1, count + 1);
        }
    }

    private static long LengthOf(ImageWorld world, Size size) => size switch
    {
        Size.Longest or Size.LongestPreallocated => world.Kind.MaxLength & -512,
        Size.Longer or Size.LongerPreallocated => Math.Min(world.Kind.MaxLength, world.Model.Length + world.Kind.ClusterLength + 512) & -512,
        Size.Half => Math.Max(512, (world.Model.Length / 2) & -512),
        _ => 512,
    };

    private static void Run(ImageWorld world, SimulatedDisk disk, SimulatedHost host, long length, PreallocationMode mode) => disk.Run(async () =>
    {
        host.DiscardFills[ImageKind.Path] = 0xdd;
        BlockUring.Images.Image image;
        try
        {
            image = await ImageWorld.OpenAsync(host);
        }
        catch (BlockException) when (disk.HasFailed)
        {
            return;
        }

        image.Format.PassesDiscards = true;
        var resize = world.Model.BeginResize(length);
        var hasSucceeded = false;
        try
        {
            await image.ResizeAsync(length, length > image.Length ? mode : PreallocationMode.Off);
            hasSucceeded = true;
        }
        catch (BlockException) when (disk.HasFailed)
        {
            // Once is all that it fails.
        }

        world.Model.EndResize(resize, hasSucceeded);
        try
        {
            await image.FlushAsync();
        }
        catch (BlockException) when (disk.HasFailed)
        {
            await image.FlushAsync();
        }

        await image.DisposeAsync();
    });

    private static void AssertSound(ImageWorld world, bool mayLeak)
    {
        var check = world.Check();
        Assert.True(check.Errors.Count == 0, string.Join('\n', check.Errors.Take(10)));
        if (!mayLeak)
            Assert.True(check.Leaks.Count == 0, string.Join('\n', check.Leaks.Take(10)));
    }

    // Images of the smallest clusters, whose L1 table must move, and a few others.
    private sealed class CombinatorialSizesAttribute : Xunit.v3.DataAttribute
    {
        public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(
            System.Reflection.MethodInfo testMethod, Xunit.Sdk.DisposalTracker disposalTracker)
        {
            var all = Enumerable.Range(1, 500);
            var small = all.Where(s => ImageKind.Draw(new Random(s)) is { ClusterBits: 9, CanResize: true, CanGrow: true }).Take(4);
            var others = all.Where(s => ImageKind.Draw(new Random(s)) is { ClusterBits: > 9 and < 16, CanResize: true }).Take(4);
            return new(small.Concat(others).SelectMany(s => Enum.GetValues<Size>().Select(z => (ITheoryDataRow)new TheoryDataRow<int, Size>(s, z))).ToList());
        }

        public override bool SupportsDiscoveryEnumeration() => true;
    }
}
