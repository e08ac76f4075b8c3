using BlockUring.Native.Uring;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Storage;

/// <summary>Random requests of any alignment against an array of bytes.</summary>
public class HostFileModelTests
{
    private const int MaxLength = 8 << 20;

    public static TheoryData<string, bool> Places
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var place in (string[])["here", "tmpfs", "xfs", "btrfs", "loop512", "loop4096"])
            {
                data.Add(place, true);
                data.Add(place, false);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void RandomRequestsReadBackWhatTheyWrote(string kind, bool direct)
    {
        using var place = HostPlace.Make(kind);
        var options = new FileOpenOptions(ReadOnly: false, Cache: direct ? CacheMode.None : CacheMode.Writeback);
        var length = IoThread.Run(new IoThreadOptions(), async thread =>
        {
            var host = new LinuxFileHost(thread);
            var file = place.IsDevice
                ? await host.OpenAsync(place.Path, options)
                : await host.CreateAsync(place.Path, 1_000_001, PreallocationMode.Off, options);
            await using (file)
            {
                Assert.Equal(direct, ((HostFile)file).IsDirect);
                var run = new ModelRun(file, seed: 4711, MaxLength, place.IsDevice);
                await run.ReadAllAsync();
                for (var i = 0; i < 3000; i++)
                    await run.StepAsync();
                await file.FlushAsync();
                await run.VerifyAsync();
                await Parallel(run);
                await run.VerifyAsync();
            }

            return file.Length;
        });
        if (!place.IsDevice)
            Assert.Equal(length, new FileInfo(place.Path).Length);
    }

    // Disjoint neighbours in one sector, all in flight at once.
    private static async Task Parallel(ModelRun run)
    {
        var pending = new List<Task>();
        for (var i = 0; i < 200; i++)
            pending.Add(run.WriteAsync(100_000 + (i * 333), 333, memoryShift: i % 7).AsTask());
        await Task.WhenAll(pending);
    }
}
