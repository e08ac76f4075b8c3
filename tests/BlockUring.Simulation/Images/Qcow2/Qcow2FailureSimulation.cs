using BlockUring.Native.Interop;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Images.Qcow2;

/// <summary>
/// Every request of every operation fails once, of EIO and of ENOSPC: the error says what, where and why, the image is sound and holds what it may
/// hold, and the operation works when it is tried again. BLOCKURING_SEEDS asks for more images.
/// </summary>
public sealed class Qcow2FailureSimulation(ITestOutputHelper output)
{
    private const long MaxLength = 128 << 10;

    public static TheoryData<string> Operations { get; } = [.. FailingOperation.All.Select(o => o.Name)];

    [Theory]
    [MemberData(nameof(Operations))]
    public void An_operation_fails_cleanly_at_any_request(string name)
    {
        var operation = FailingOperation.All.Single(o => o.Name == name);
        var count = 0;
        SeededRuns.Of(output, 110_001, 6, seed => count += FailAll(operation, seed), seed => ImageKind.Draw(new Random(seed)).Small(MaxLength));
        output.WriteLine($"{count} failures");
    }

    private static int FailAll(FailingOperation operation, int seed)
    {
        using var world = ImageWorld.MakeSmall(seed, MaxLength, 10);
        if (!operation.IsPossible(world.Kind) || (operation.NeedsSnapshot && !TryTakeSnapshot(world)))
            return 0;
        var count = 0;
        foreach (var errno in (int[])[Errno.EIO, Errno.ENOSPC])
        {
            for (var point = 1; TryFailAt(operation, world, seed, point, errno); point++)
                count++;
        }

        return count;
    }

    private static bool TryTakeSnapshot(ImageWorld world)
    {
        if (world.Snapshots!.Count > 0)
            return true;
        var disk = new SimulatedDisk(1) { ImmediateShare = 1 };
        disk.Run(async () =>
        {
            var image = await ImageWorld.OpenAsync(new SimulatedHost(world.Buffers, world.Files, disk));
            await world.Snapshots.CreateAsync(image, world.Model);
            await image.FlushAsync();
            await image.DisposeAsync();
        });
        return world.Snapshots.Count > 0;
    }

    // False when the operation makes fewer requests.
    private static bool TryFailAt(FailingOperation operation, ImageWorld origin, int seed, int point, int errno)
    {
        var world = origin.Fork(seed);
        var disk = new SimulatedDisk(seed) { FailAt = point, FailWith = errno };
        var host = new SimulatedHost(world.Buffers, world.Files, disk);
        try
        {
            BlockException? error = null;
            disk.Run(async () =>
            {
                try
                {
                    await operation.RunAsync(world, host, disk);
                }
                catch (BlockException e)
                {
                    error = e;
                }
            });
            if (disk.RequestCount < point)
            {
                Assert.Null(error);
                return false;
            }

            if (error != null)
                AssertClear(error, errno);
            else
                Assert.True(!disk.HasFailed || operation.MayHideFailure || world.HasShrunk, $"nobody is told of the failed {disk.Failure}");
            Assert.Equal(0, world.Buffers.RentedBytes);
            AssertPossible(operation, world, error);
            TryAgain(operation, world, seed + 1);
            return true;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{operation}, request {point}, {Errno.Message(errno)}", e);
        }
    }

    private static void AssertClear(BlockException error, int errno)
    {
        Assert.Contains(Errno.Message(errno), error.Message, StringComparison.Ordinal);
        Assert.Matches("'/sim/[a-z.0-9]+'", error.Message);
        Assert.Equal(errno, error.ErrorNumber);
    }

    private static void AssertPossible(FailingOperation operation, ImageWorld world, BlockException? error)
    {
        if (operation.Name == "create" && error != null)
            return;
        var check = world.Check();
        Assert.True(check.Errors.Count == 0, string.Join('\n', check.Errors.Take(10)));
        if (operation.Name == "create")
            return;
        var impossible = world.Model.FirstImpossible(world.ReadAll());
        if (!operation.ChangesBacking)
            impossible ??= world.Snapshots?.FirstImpossible(world.Buffers, world.Files);
        Assert.True(impossible == null, impossible);
    }

    private static void TryAgain(FailingOperation operation, ImageWorld before, int seed)
    {
        var world = operation.Name == "create" ? before : before.ForkWith(seed, before.Files);
        if (operation.NeedsSnapshot && world.Snapshots!.Count == 0)
            return;
        var disk = new SimulatedDisk(seed);
        disk.Run(() => operation.RunAsync(world, new SimulatedHost(world.Buffers, world.Files, disk), disk));
        Assert.Equal(0, world.Buffers.RentedBytes);
        var check = world.Check();
        Assert.True(check.Errors.Count == 0, string.Join('\n', check.Errors.Take(10)));
        if (operation.Name != "create")
            Assert.True(world.Model.Content.SequenceEqual(world.ReadAll()), "tried again, the disk is not what it should be");
    }
}
