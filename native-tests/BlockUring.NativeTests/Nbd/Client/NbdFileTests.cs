using System.Diagnostics;
using System.Reflection;
using BlockUring.NativeTests.Images;
using BlockUring.NativeTests.Uring;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Client;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Nbd.Client;

/// <summary>Exports as files, over real sockets.</summary>
public sealed class NbdFileTests
{
    [Fact]
    public async Task Steady_requests_allocate_nothing()
    {
        var build = typeof(NbdFile).Assembly.GetCustomAttribute<DebuggableAttribute>();
        Assert.SkipWhen(build is { IsJITOptimizerDisabled: true }, "in a build without optimisation every call of an async method allocates");
        using var folder = new TempFolder();
        using var server = await PeerServer.NbdkitAsync(folder.Path, "memory", "16M");
        RingHost.Run(async thread =>
        {
            await using var file = await OpenAsync(thread, NbdAddress.Unix(server.Socket), connectionCount: 1);
            using var small = thread.Buffers.Rent(4096);
            using var large = thread.Buffers.Rent(1 << 20);
            await RoundAsync(file, small, large, 20);
            var before = GC.GetAllocatedBytesForCurrentThread();
            await RoundAsync(file, small, large, 200);

            // A list or a pool may still have grown.
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8192);
        });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task Many_requests_are_in_flight(int connectionCount)
    {
        using var folder = new TempFolder();
        using var server = await PeerServer.NbdkitAsync(folder.Path, "--filter=delay", "memory", "16M", "rdelay=50ms", "wdelay=1ms");
        RingHost.Run(async thread =>
        {
            await using var file = await OpenAsync(thread, NbdAddress.Unix(server.Socket), connectionCount);
            var writers = Enumerable.Range(0, 128).Select(i => WriteAsync(file, i)).ToArray();
            foreach (var writer in writers)
                await writer;
            var readers = Enumerable.Range(0, 128).Select(i => ReadAsync(file, i)).ToArray();
            foreach (var reader in readers)
                await reader;
            if (connectionCount > 1)
                Assert.InRange(file.ConnectionCount, 2, connectionCount);
        });
    }

    [Fact]
    public async Task Any_alignment_is_served_where_the_server_wants_blocks()
    {
        using var folder = new TempFolder();
        using var server = await PeerServer.NbdkitAsync(
            folder.Path, "--filter=blocksize-policy", "memory", "1M", "blocksize-minimum=4096", "blocksize-maximum=64k",
            "blocksize-error-policy=error");
        RingHost.Run(async thread =>
        {
            await using var file = await OpenAsync(thread, NbdAddress.Unix(server.Socket), 4);
            Assert.Equal(4096, file.Limits.RequestAlignment);
            Assert.Equal(64 << 10, file.Limits.MaxTransfer);
            var random = new Random(7);
            var expected = new byte[1 << 20];
            using var buffer = thread.Buffers.Rent(1 << 20);
            for (var i = 0; i < 200; i++)
            {
                var offset = random.Next(expected.Length);
                var length = random.Next(1, Math.Min(expected.Length - offset, 200_000) + 1);
                var part = buffer.Memory.Slice(random.Next(buffer.Length - length + 1), length);
                if (random.Next(3) == 0)
                {
                    await file.WriteZeroesAsync(offset, length, mayUnmap: true);
                    expected.AsSpan(offset, length).Clear();
                    continue;
                }

                random.NextBytes(part.Span);
                part.Span.CopyTo(expected.AsSpan(offset));
                await file.WriteAsync(offset, part);
            }

            await file.ReadAsync(0, buffer.Memory);
            Assert.True(buffer.Span.SequenceEqual(expected));
            await file.ReadAsync((1 << 20) - 100, buffer.Memory.Slice(0, 300));
            Assert.True(buffer.Span[..300].SequenceEqual((byte[])[.. expected.AsSpan((1 << 20) - 100), .. new byte[200]]));
        });
    }

    [Fact]
    public void Opening_waits_for_the_server_as_long_as_it_may()
    {
        using var folder = new TempFolder();
        var address = NbdAddress.Unix(folder["nbd.sock"]);
        var failure = Assert.Throws<BlockException>(() => RingHost.Run(async thread => await OpenAsync(thread, address, 1)));
        Assert.Equal($"Failed to connect to '{address}': No such file or directory", failure.Message);
        RingHost.Run(async thread =>
        {
            var opening = OpenAsync(thread, address, 1, TimeSpan.FromSeconds(60)).AsTask();
            Assert.False(opening.IsCompleted);
            using var server = await thread.OffloadAsync(() => Start(folder));
            await using var file = await opening;
            Assert.Equal(1 << 20, file.Length);
        });
    }

    [Fact]
    public async Task A_server_over_tcp_is_reached()
    {
        using var folder = new TempFolder();
        await Tool.RunAsync("truncate", "-s", "1M", folder["a.raw"]);
        await using var daemon = await Bitmaps.StorageDaemon.StartAsync();
        await daemon.DemandAsync(
            $$$"""{"execute":"blockdev-add","arguments":{"driver":"file","node-name":"a","filename":"{{{folder["a.raw"]}}}"}}""");
        var port = 0;
        string? refused = "";
        for (var candidate = 20_000 + Environment.ProcessId % 20_000; refused != null; candidate++)
        {
            port = candidate;
            (_, refused) = await daemon.RunAsync(
                $$$"""{"execute":"nbd-server-start","arguments":{"addr":{"type":"inet","data":{"host":"127.0.0.1","port":"{{{port}}}"} } } }""");
        }

        await daemon.DemandAsync("""{"execute":"block-export-add","arguments":{"type":"nbd","id":"e","node-name":"a","writable":true}}""");
        RingHost.Run(async thread =>
        {
            var address = NbdAddress.Inet("localhost", port.ToString(System.Globalization.CultureInfo.InvariantCulture));
            await using var file = await NbdFile.OpenAsync(
                thread, new NbdClientSettings(address, "a"), new NbdSocketDialer(thread, address), new FileOpenOptions(ReadOnly: false));
            Assert.Equal($"nbd://localhost:{port}/a", file.Path);
            await WriteAsync(file, 3);
            await ReadAsync(file, 3);
            await file.FlushAsync();
        });
    }

    private static PeerServer Start(TempFolder folder) => PeerServer.NbdkitAsync(folder.Path, "memory", "1M").GetAwaiter().GetResult();

    private static async ValueTask<NbdFile> OpenAsync(IoThread thread, NbdAddress address, int connectionCount, TimeSpan openTimeout = default) =>
        await NbdFile.OpenAsync(
            thread,
            new NbdClientSettings(address, null) { ConnectionCount = connectionCount, OpenTimeout = openTimeout },
            new NbdSocketDialer(thread, address),
            new FileOpenOptions(ReadOnly: false));

    private static async ValueTask RoundAsync(NbdFile file, Native.Memory.IoBuffer small, Native.Memory.IoBuffer large, int count)
    {
        for (var i = 0; i < count; i++)
        {
            await file.WriteAsync(4096 * i, small.Memory);
            await file.ReadAsync(4096 * i, small.Memory);
            await file.GetExtentAsync(4096 * i, 4096);
            await file.WriteAsync(1 << 20, large.Memory);
            await file.ReadAsync(1 << 20, large.Memory);
            await file.FlushAsync();
        }
    }

    private static async Task WriteAsync(NbdFile file, int index)
    {
        using var buffer = file.Buffers.Rent(3000 + 300 * index);
        buffer.Span.Fill((byte)(index + 1));
        await file.WriteAsync(index * 65536L, buffer.Memory);
    }

    private static async Task ReadAsync(NbdFile file, int index)
    {
        using var buffer = file.Buffers.Rent(3000 + 300 * index);
        await file.ReadAsync(index * 65536L, buffer.Memory);
        Assert.Equal(-1, buffer.Span.IndexOfAnyExcept((byte)(index + 1)));
    }
}
