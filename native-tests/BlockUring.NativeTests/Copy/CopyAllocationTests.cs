using System.Diagnostics;
using System.Reflection;
using BlockUring.Copy;
using BlockUring.Images;
using BlockUring.Native.Uring;
using BlockUring.NativeTests.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Copy;

/// <summary>A copy allocates for its start and its end; how much it copies in between must not show.</summary>
public sealed class CopyAllocationTests(ITestOutputHelper output)
{
    private const int SmallLength = 32 << 20;
    private const int LargeLength = 160 << 20;

    // Data and holes in turns are written into a target that holds something, so that holes must be punched, too.
    [Theory]
    [InlineData("raw", 1 << 20, false)]
    [InlineData("raw", 1 << 16, false)]
    [InlineData("raw", 1 << 16, true)]
    [InlineData("qcow2", 1 << 20, false)]
    public void A_longer_copy_allocates_no_more(string targetFormat, int runLength, bool hasGaps)
    {
        var build = typeof(BlockCopy).Assembly.GetCustomAttribute<DebuggableAttribute>();
        Assert.SkipWhen(build is { IsJITOptimizerDisabled: true }, "in a build without optimisation every call of an async method allocates");
        using var place = HostPlace.Make("tmpfs", "size=700m");
        var (small, large) = IoThread.Run(new IoThreadOptions(), async thread =>
        {
            var host = new LinuxFileHost(thread);
            await MeasureAsync(thread, host, place.Path, targetFormat, SmallLength, runLength, hasGaps);
            var first = await MeasureAsync(thread, host, place.Path, targetFormat, SmallLength, runLength, hasGaps);
            return (first, await MeasureAsync(thread, host, place.Path, targetFormat, LargeLength, runLength, hasGaps));
        });
        output.WriteLine($"{SmallLength >> 20} MiB: {small} bytes, {LargeLength >> 20} MiB: {large} bytes");

        // The map of the source's extents is read in larger and larger parts; that, and tables of the target, is some bytes for each MiB.
        Assert.InRange(large - small, long.MinValue, 16384);
    }

    private static async ValueTask<long> MeasureAsync(
        IoThread thread, FileHost host, string path, string targetFormat, long length, int runLength, bool hasGaps)
    {
        await FillAsync(host, path, length, runLength, hasGaps);
        var targetPath = path + ".target";
        var driver = ImageFormats.Find(targetFormat)!;
        await driver.CreateAsync(host, new CreateRequest(targetPath, length, new Dictionary<string, string>()));
        await using var source = await OpenAsync(host, path, "raw", true);
        await using var target = await OpenAsync(host, targetPath, targetFormat, false);
        var copy = new BlockCopy(thread, new CopySettings(new CopySource([source]), target) { TargetIsZero = !hasGaps });
        var before = GC.GetAllocatedBytesForCurrentThread();
        await copy.RunAsync(CancellationToken.None);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        await target.FlushAsync();
        return allocated;
    }

    private static async ValueTask FillAsync(FileHost host, string path, long length, int runLength, bool hasGaps)
    {
        await using var file = await host.CreateAsync(path, length, PreallocationMode.Off, new FileOpenOptions(false));
        using var buffer = file.Buffers.Rent(runLength);
        new Random(1).NextBytes(buffer.Span);
        for (long offset = 0; offset < length; offset += hasGaps ? 2 * runLength : runLength)
            await file.WriteAsync(offset, buffer.Memory);
    }

    private static ValueTask<Image> OpenAsync(FileHost host, string path, string format, bool readOnly) =>
        BackingChain.OpenAsync(path, format, new ImageOpenSettings(host, new FileOpenOptions(readOnly, CacheMode.None)));
}
