using BlockUring.Native.Uring;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Storage;

public class HostFileSpaceTests
{
    private const long MiB = 1 << 20;

    private static readonly FileOpenOptions Writing = new(ReadOnly: false, Cache: CacheMode.None);

    [Fact]
    public void ExtentsAreThoseOfTheFileAndAWalkSeeksOncePerRun()
    {
        using var place = HostPlace.Make("here");
        using (var file = File.OpenHandle(place.Path, FileMode.CreateNew, FileAccess.Write))
        {
            for (var i = 0; i < 1000; i++)
                RandomAccess.Write(file, new byte[4096], (i * 8192L) + 4096);
            RandomAccess.SetLength(file, 1000 * 8192L + 12345);
        }

        OnHost(async host =>
        {
            await using var file = (HostFile)await host.OpenAsync(place.Path, new FileOpenOptions());
            var runCount = 0;
            for (long offset = 0; offset < file.Length; runCount++)
            {
                var extent = await file.GetExtentAsync(offset, long.MaxValue);
                Assert.Equal(runCount % 2 == 0, extent.IsHole);
                Assert.Equal(runCount < 2000 ? 4096 : 12345, extent.Length);
                offset += extent.Length;
            }

            Assert.Equal(2001, runCount);
            Assert.InRange(file.SeekCount, 2000, 2100);
            Assert.Equal(new FileExtent(100, true), await file.GetExtentAsync(file.Length, 100));
        });
    }

    [Fact]
    public void AWriteIntoAKnownHoleIsSeen()
    {
        using var place = HostPlace.Make("here");
        File.WriteAllBytes(place.Path, []);
        OnHost(async host =>
        {
            await using var file = await host.OpenAsync(place.Path, Writing);
            await file.SetLengthAsync(64 * MiB);
            Assert.Equal(new FileExtent(64 * MiB, true), await file.GetExtentAsync(0, 64 * MiB));
            using var buffer = file.Buffers.Rent(4096);
            await file.WriteAsync(MiB, buffer.Memory);
            Assert.Equal(new FileExtent(MiB, true), await file.GetExtentAsync(0, 64 * MiB));
            Assert.False((await file.GetExtentAsync(MiB, 4096)).IsHole);
        });
    }

    [Theory]
    [InlineData("here")]
    [InlineData("tmpfs")]
    [InlineData("xfs")]
    [InlineData("btrfs")]
    [InlineData("loop512")]
    [InlineData("loop4096")]
    public void ZeroedAndDiscardedRangesGiveSpaceBackAndReadAsZeroes(string kind)
    {
        using var place = HostPlace.Make(kind);
        if (!place.IsDevice)
            File.WriteAllBytes(place.Path, new byte[8 * MiB]);
        OnHost(async host =>
        {
            await using var file = await host.OpenAsync(place.Path, Writing);
            using var buffer = file.Buffers.Rent((int)(8 * MiB));
            buffer.Span.Fill(7);
            await file.WriteAsync(0, buffer.Memory);
            var full = place.AllocatedBytes;
            await file.WriteZeroesAsync(100, 2 * MiB, mayUnmap: true);
            await file.WriteZeroesAsync((3 * MiB) + 5, MiB, mayUnmap: false);
            await file.DiscardAsync((5 * MiB) + 1, 2 * MiB);
            await file.FlushAsync();
            Assert.InRange(place.AllocatedBytes, 0, full - (3 * MiB));
            buffer.Span.Fill(1);
            await file.ReadAsync(0, buffer.Memory);
            Assert.Equal(-1, buffer.Span.Slice(100, (int)(2 * MiB)).IndexOfAnyExcept((byte)0));
            Assert.Equal(-1, buffer.Span.Slice((int)(3 * MiB) + 5, (int)MiB).IndexOfAnyExcept((byte)0));
            Assert.Equal(-1, buffer.Span[..100].IndexOfAnyExcept((byte)7));
            Assert.Equal(-1, buffer.Span[(int)((2 * MiB) + 100)..(int)((3 * MiB) + 5)].IndexOfAnyExcept((byte)7));
            Assert.Equal(-1, buffer.Span[(int)((4 * MiB) + 5)..(int)((5 * MiB) + 1)].IndexOfAnyExcept((byte)7));
        });
    }

    [Fact]
    public void ZeroesOnWhatANewFileNeverHeldCostNothing()
    {
        using var place = HostPlace.Make("here");
        OnHost(async (host, thread) =>
        {
            await using var file = await host.CreateAsync(place.Path, 1L << 40, PreallocationMode.Off, Writing);
            Assert.True(file.IsFresh);
            using var buffer = file.Buffers.Rent(4096);
            buffer.Span.Fill(3);
            await file.WriteAsync(1L << 39, buffer.Memory);
            var started = thread.Queue.StartedCount;
            await file.WriteZeroesAsync(0, 1L << 38, mayUnmap: true);
            await file.WriteZeroesAsync((1L << 39) + (1L << 30), 1L << 30, mayUnmap: true);
            Assert.Equal(started, thread.Queue.StartedCount);
            await file.WriteZeroesAsync((1L << 39) - 4096, 8192, mayUnmap: true);
            await file.ReadAsync(1L << 39, buffer.Memory);
            Assert.Equal(-1, buffer.Span.IndexOfAnyExcept((byte)0));
        });
    }

    [Theory]
    [InlineData(PreallocationMode.Off, 0)]
    [InlineData(PreallocationMode.Falloc, 4)]
    [InlineData(PreallocationMode.Full, 4)]
    public void PreallocationTakesTheSpaceItSays(PreallocationMode mode, int megabytes)
    {
        using var place = HostPlace.Make("here");
        OnHost(async host =>
        {
            await using var file = await host.CreateAsync(place.Path, 4 * MiB, mode, Writing);
            Assert.Equal(4 * MiB, file.Length);
            Assert.Equal(4 * MiB, new FileInfo(place.Path).Length);
            Assert.InRange(file.AllocatedBytes, megabytes * MiB, (megabytes * MiB) + 65536);
            await file.SetLengthAsync(MiB);
            Assert.Equal(MiB, new FileInfo(place.Path).Length);
        });
    }

    [Fact]
    public void AFullFileSystemIsNoSpaceAndNamesPathAndOffset()
    {
        using var place = HostPlace.Make("tmpfs", "size=4m");
        OnHost(async host =>
        {
            await using (var file = await host.CreateAsync(place.Path, 16 * MiB, PreallocationMode.Off, Writing))
            {
                using var buffer = file.Buffers.Rent((int)MiB);
                buffer.Span.Fill(1);
                var error = await Assert.ThrowsAsync<BlockException>(async () =>
                {
                    for (var i = 0; i < 8; i++)
                        await file.WriteAsync(i * MiB, buffer.Memory);
                });
                Assert.Equal(BlockErrorKind.NoSpace, error.Kind);
                Assert.StartsWith($"Could not write '{place.Path}' at offset ", error.Message);
                Assert.EndsWith(": No space left on device", error.Message);
            }

            var refused = await Assert.ThrowsAsync<BlockException>(
                async () => await host.CreateAsync(place.Path + "2", 16 * MiB, PreallocationMode.Falloc, Writing));
            Assert.Equal("Could not preallocate new data: No space left on device", refused.Message);
        });
    }

    [Theory]
    [InlineData("xfs", true)]
    [InlineData("btrfs", true)]
    [InlineData("here", false)]
    [InlineData("tmpfs", false)]
    public void RangesAreCopiedInsideTheKernel(string kind, bool shares)
    {
        using var place = HostPlace.Make(kind);
        OnHost(async host =>
        {
            await using var source = (HostFile)await host.CreateAsync(place.Path, 0, PreallocationMode.Off, Writing);
            await using var target = (HostFile)await host.CreateAsync(place.Path + ".copy", 8 * MiB, PreallocationMode.Off, Writing);
            using var buffer = source.Buffers.Rent((int)(4 * MiB) + 777);
            new Random(5).NextBytes(buffer.Span);
            await source.WriteAsync(0, buffer.Memory);
            await source.FlushAsync();
            Assert.True(await target.TryCopyRangeAsync(source, 0, MiB, 4 * MiB));
            Assert.Equal(shares, target.SharedBytes > 0);
            Assert.True(await target.TryCopyRangeAsync(source, 4 * MiB, 6 * MiB, 1000));
            using var back = source.Buffers.Rent((int)(4 * MiB));
            await target.ReadAsync(MiB, back.Memory);
            Assert.True(back.Span.SequenceEqual(buffer.Span[..(int)(4 * MiB)]));
            await target.ReadAsync(6 * MiB, back.Memory.Slice(0, 1000));
            Assert.True(back.Span[..777].SequenceEqual(buffer.Span.Slice((int)(4 * MiB), 777)));
            Assert.Equal(-1, back.Span[777..1000].IndexOfAnyExcept((byte)0));
            Assert.Equal(8 * MiB, target.Length);
        });
    }

    [Fact]
    public void CopyBetweenFileSystemsIsRefusedNotFailed()
    {
        using var one = HostPlace.Make("here");
        using var other = HostPlace.Make("tmpfs");
        OnHost(async host =>
        {
            await using var source = await host.CreateAsync(one.Path, MiB, PreallocationMode.Full, Writing);
            await using var target = await host.CreateAsync(other.Path, MiB, PreallocationMode.Off, Writing);
            Assert.False(await target.TryCopyRangeAsync(source, 0, 0, MiB));
            Assert.False(await target.TryCopyRangeAsync(source, 0, 0, MiB));
        });
    }

    private static void OnHost(Func<LinuxFileHost, Task> test) => OnHost((host, _) => test(host));

    private static void OnHost(Func<LinuxFileHost, IoThread, Task> test) => IoThread.Run(new IoThreadOptions(), async thread =>
    {
        await test(new LinuxFileHost(thread), thread);
        return 0;
    });
}
