using BlockUring.Images;
using BlockUring.Images.Qcow2;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>Persistent bitmaps over several sessions, with the power going, or a request failing, at any request.</summary>
public sealed class Qcow2BitmapSimulation(ITestOutputHelper output)
{
    private const int MaxPointsPerCase = 40;

    [Fact]
    public void Bitmaps_outlive_their_sessions() => ForSeeds(30_001, 20, seed =>
    {
        using var world = ImageWorld.Make(seed);
        var model = new BitmapModel();
        for (var round = 0; round < 4; round++)
        {
            var disk = new SimulatedDisk(seed + round);
            var host = new SimulatedHost(world.Buffers, world.Files, disk);
            disk.Run(() => RunAsync(world, model, host, new Random(seed + round), 12));
            var check = world.Check();
            Assert.True(check.Errors.Count + check.Leaks.Count == 0, string.Join('\n', check.Errors.Concat(check.Leaks).Take(10)));
            Assert.Equal(model.Names.Order(), Stored(world).Select(b => b.Name).Order());
            model.DemandPossible(world);
        }
    });

    [Fact]
    public void A_power_cut_leaves_bitmaps_that_are_right_or_inconsistent() => ForSeeds(40_001, 5, seed => Sweep(seed, (world, model, point) =>
    {
        var disk = new SimulatedDisk(seed + point) { CutAt = point };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        disk.Run(() => RunAsync(world, model, host, new Random(seed + 1), 6));
        if (disk.IsCut)
            world.Adopt(host.AfterPowerCut(new Random(point)));
        var check = world.Check();
        Assert.True(check.Errors.Count == 0, string.Join('\n', check.Errors.Take(10)));
        model.DemandPossible(world);
        Continue(world, seed + point);
        return disk.RequestCount;
    }));

    [Fact]
    public void A_power_cut_at_any_write_leaves_bitmaps_that_are_right_or_inconsistent() => ForSeeds(45_001, 12, seed =>
    {
        using var world = ImageWorld.MakeSmall(seed, 256 << 10, 10);
        var model = new BitmapModel();
        var disk = new SimulatedDisk(seed);
        for (var round = 0; round < 2; round++)
        {
            var host = new SimulatedHost(world.Buffers, world.Files, disk);
            var (random, count) = (new Random(seed + round), 0);
            disk.Changed = () =>
            {
                count++;
                var files = host.IfCutNow(random);
                var check = ImageCheck.Of(files[ImageKind.Path]);
                Assert.True(check.Errors.Count == 0, $"change {count}: {string.Join('\n', check.Errors.Take(10))}");
                model.DemandPossible(world, files);
            };
            disk.Run(() => RunAsync(world, model, host, new Random(seed + round), 10));
        }
    });

    [Fact]
    public void A_failed_request_leaves_bitmaps_that_are_right_or_inconsistent() => ForSeeds(50_001, 5, seed => Sweep(seed, (world, model, point) =>
    {
        var disk = new SimulatedDisk(seed + point) { FailAt = point };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        disk.Run(async () =>
        {
            try
            {
                await RunAsync(world, model, host, new Random(seed + 1), 6);
            }
            catch (BlockException) when (disk.HasFailed)
            {
                // Closed without storing anything, as after a crash.
            }
        });
        var check = world.Check();
        Assert.True(check.Errors.Count == 0, string.Join('\n', check.Errors.Take(10)));
        model.DemandPossible(world);
        world.Adopt(world.Files);
        Continue(world, seed + point);
        return disk.RequestCount;
    }));

    // Why a fresh world for every point: each run changes it.
    private static void Sweep(int seed, Func<ImageWorld, BitmapModel, int, int> run)
    {
        var random = new Random(seed);
        for (int i = 0, point = int.MaxValue; i < MaxPointsPerCase && point > 0; i++)
        {
            using var world = ImageWorld.Make(seed);
            var model = new BitmapModel();
            var quiet = new SimulatedDisk(seed) { ImmediateShare = 1 };
            quiet.Run(() => RunAsync(world, model, new SimulatedHost(world.Buffers, world.Files, quiet), new Random(seed), 8));
            int count;
            try
            {
                count = run(world, model, point);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"request {point}", e);
            }

            point = count <= MaxPointsPerCase ? point == int.MaxValue ? count : point - 1 : random.Next(1, count + 1);
        }
    }

    // Whatever is left can be worked with: what is inconsistent is removed, the rest is used.
    private static void Continue(ImageWorld world, int seed)
    {
        if (world.Kind.Version < 3)
            return;
        var disk = new SimulatedDisk(seed);
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        disk.Run(async () =>
        {
            var image = await ImageWorld.OpenAsync(host);
            await image.LoadBitmapsAsync();
            foreach (var broken in image.Bitmaps!.Where(b => b.IsInconsistent).ToList())
            {
                await image.Format.RemoveBitmapAsync(broken.Name!);
                image.Bitmaps!.Remove(broken);
            }

            await image.StoreBitmapsAsync();
            await image.DisposeAsync();
        });
        var model = new BitmapModel();
        disk.Run(() => RunAsync(world, model, host, new Random(seed), 6));
        Assert.Empty(world.Check().Errors);
        model.DemandPossible(world);
    }

    private static async Task RunAsync(ImageWorld world, BitmapModel model, FileHost host, Random random, int steps)
    {
        if (world.Kind.Version < 3)
            return;
        var image = await ImageWorld.OpenAsync(host);
        try
        {
            await image.LoadBitmapsAsync();
            model.Opened(image.Bitmaps!, world.Model.Content);
            for (var i = 0; i < steps; i++)
                await StepAsync(world, model, image, random);
            await image.FlushAsync();
            await StoreAsync(world, model, image);
        }
        finally
        {
            await image.DisposeAsync();
        }
    }

    private static async Task StepAsync(ImageWorld world, BitmapModel model, Image image, Random random)
    {
        var bitmaps = image.Bitmaps!;
        var any = bitmaps.Count == 0 ? null : bitmaps[random.Next(bitmaps.Count)];
        switch (random.Next(10))
        {
            case 0 or 1:
                var name = $"b{random.Next(1000)}{new string('x', random.Next(3) == 0 ? random.Next(300) : 0)}";
                if (bitmaps.Find(name) == null)
                    bitmaps.Create(name, image.Length, 512L << random.Next(11)).IsPersistent = true;
                break;
            case 2 when any != null:
                model.Removing(any.Name!);
                await image.Format.RemoveBitmapAsync(any.Name!);
                bitmaps.Remove(any);
                break;
            case 3 when any != null:
                await image.Format.PrepareBitmapChangeAsync();
                model.Changing(any.Name!);
                if (random.Next(2) == 0)
                    any.Clear();
                else
                    any.SetAll();
                break;
            case 4 when any != null:
                await image.Format.PrepareBitmapChangeAsync();
                model.Changing(any.Name!);
                if (any.IsEnabled)
                    any.Disable();
                else
                    any.Enable();
                break;
            case 5:
                await StoreAsync(world, model, image);
                break;
            case 6:
                var length = Math.Max(512, random.NextInt64(world.Kind.CanGrow ? world.Kind.MaxLength : image.Length) & -512);
                image.Format.DemandBitmapsResizable(bitmaps, length);
                model.Writing(bitmaps);
                var resize = world.Model.BeginResize(length);
                await image.ResizeAsync(length);
                world.Model.EndResize(resize, true);
                bitmaps.Truncate(length);
                break;
            default:
                await WriteAsync(world, model, image, random);
                break;
        }
    }

    private static async Task WriteAsync(ImageWorld world, BitmapModel model, Image image, Random random)
    {
        var offset = random.NextInt64(image.Length) & -512;
        var length = (int)Math.Min(image.Length - offset, 512 * random.Next(1, 40));
        using var buffer = image.Buffers.Rent(length);
        random.NextBytes(buffer.Span);
        model.Writing(image.Bitmaps!.Where(b => b.IsEnabled));
        var write = world.Model.Begin(offset, buffer.Span.ToArray());
        await image.WriteAsync(offset, buffer.Memory);
        write.IsDone = true;
    }

    private static async Task StoreAsync(ImageWorld world, BitmapModel model, Image image)
    {
        model.Storing(image.Bitmaps!);
        await image.StoreBitmapsAsync();
        model.Stored(image.Bitmaps!, world.Model.Content);
    }

    private static List<Qcow2BitmapInfo> Stored(ImageWorld world) =>
        [.. BitmapModel.ReadHeader(world) is { } header ? BitmapDirectory.ReadAsync(world.Files[ImageKind.Path], header, header.GuestLength & ~511L).Now() : []];

    private void ForSeeds(int first, int count, Action<int> run) =>
        SeededRuns.Of(output, first, count, run, seed => ImageKind.Draw(new Random(seed)));
}
