using System.Globalization;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Nbd.Client;
using BlockUring.Nbd.Wire;
using BlockUring.Simulation;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Nbd.Client;

/// <summary>Servers that say what makes no sense: errors, never another exception, a hang, wrong data, a leak of buffers or much memory.</summary>
public sealed class HostileServerTests(ITestOutputHelper output)
{
    private const long MaxManagedBytes = 256 << 20;
    private const int RequestCount = 24;

    [Fact]
    public void A_hostile_server_ends_in_errors()
    {
        // BLOCKURING_FUZZ_COUNT asks for more, BLOCKURING_FUZZ_SEED for other ones.
        var count = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_FUZZ_COUNT") ?? "300", CultureInfo.InvariantCulture);
        var firstSeed = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_FUZZ_SEED") ?? "1", CultureInfo.InvariantCulture);
        output.WriteLine($"seeds {firstSeed} to {firstSeed + count - 1}");
        var totals = new Totals();
        for (var seed = firstSeed; seed < firstSeed + count; seed++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Run(seed, seed % 8 == 0 ? 0 : 0.02, totals);
            }
            catch (Exception e) when (e is not Xunit.Sdk.IAssertionException)
            {
                Assert.Fail($"seed {seed}: {e}");
            }

            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MaxManagedBytes, $"seed {seed}: {allocated} bytes");
        }

        output.WriteLine($"{totals.Refused} not opened, {totals.Succeeded} requests succeeded, {totals.Failed} failed");
        Assert.True(totals.Refused > count / 50);
        Assert.True(totals.Failed > count);
        Assert.True(totals.Succeeded > count);
    }

    [Theory]
    [InlineData(NbdReplyStyle.Simple)]
    [InlineData(NbdReplyStyle.Structured)]
    [InlineData(NbdReplyStyle.Extended)]
    public void A_sound_server_serves_out_of_order_in_any_pieces(NbdReplyStyle style)
    {
        for (var seed = 1; seed <= 8; seed++)
        {
            var totals = new Totals();
            Run(seed, 0, totals, style);
            Assert.Equal(0, totals.Refused);
            Assert.True(totals.Succeeded > totals.Failed);
        }
    }

    private static void Run(int seed, double mutationShare, Totals totals, NbdReplyStyle? style = null)
    {
        var random = new Random(seed);
        using var buffers = new BufferPool();
        var scheduler = new SimulatedScheduler(seed, buffers);
        var dialer = new ModelDialer(random, mutationShare, style ?? (NbdReplyStyle)random.Next(3));
        var settings = new NbdClientSettings(NbdAddress.Unix("/model"), "")
        {
            ReconnectDelay = TimeSpan.FromSeconds(random.Next(3)),
            ConnectionCount = random.Next(1, 4),
        };
        scheduler.Run(async () =>
        {
            NbdFile file;
            try
            {
                file = await NbdFile.OpenAsync(scheduler, settings, dialer, new FileOpenOptions(ReadOnly: false));
            }
            catch (BlockException)
            {
                totals.Refused++;
                return;
            }

            var requests = Enumerable.Range(0, RequestCount).Select(_ => RequestAsync(file, random.Next(), dialer, totals)).ToArray();
            if (random.Next(10) == 0)
                file.CancelInFlight();
            foreach (var request in requests)
                await request;
            await file.DisposeAsync();
        });
        scheduler.Pass(TimeSpan.FromMinutes(2));
        Assert.Equal(0, buffers.RentedBytes);
        Assert.All(dialer.Servers, s => Assert.True(s.IsDisposed, $"seed {seed}: a connection was left open"));
    }

    private static async Task RequestAsync(NbdFile file, int seed, ModelDialer dialer, Totals totals)
    {
        var random = new Random(seed);
        var offset = random.NextInt64(ModelServer.Length);
        var length = (int)Math.Min(ModelServer.Length - offset, random.Next(3) == 0 ? random.Next(1, 100_000) : random.Next(1, 3000));
        using var buffer = file.Buffers.Rent(length);
        buffer.Span.Fill(0xee);
        try
        {
            switch (random.Next(8))
            {
                case 0:
                    await file.WriteAsync(offset, buffer.Memory);
                    break;
                case 1:
                    await file.WriteZeroesAsync(offset, length, mayUnmap: true);
                    break;
                case 2:
                    await file.DiscardAsync(offset, length);
                    break;
                case 3:
                    await file.FlushAsync();
                    break;
                case 4:
                    var extent = await file.GetExtentAsync(offset, length);
                    Assert.InRange(extent.Length, 1, length);
                    break;
                default:
                    await file.ReadAsync(offset, buffer.Memory);
                    if (!dialer.Servers.Exists(s => s.HasMutated))
                        AssertContent(offset, buffer);
                    break;
            }

            totals.Succeeded++;
        }
        catch (BlockException)
        {
            totals.Failed++;
        }
    }

    private static void AssertContent(long offset, IoBuffer buffer)
    {
        var expected = new byte[buffer.Length];
        for (var i = 0; i < expected.Length; i++)
            expected[i] = ModelServer.ByteAt(offset + i);
        Assert.True(buffer.Span.SequenceEqual(expected));
    }

    private sealed class Totals
    {
        public int Refused { get; set; }

        public int Succeeded { get; set; }

        public int Failed { get; set; }
    }

    private sealed class ModelDialer(Random random, double mutationShare, NbdReplyStyle style) : NbdDialer
    {
        private const int MaxServers = 6;

        public List<ModelServer> Servers { get; } = [];

        public override ValueTask<ByteChannel> DialAsync()
        {
            if (Servers.Count == MaxServers)
                throw new BlockException(BlockErrorKind.Io, "There are no servers left");
            var server = new ModelServer(random, mutationShare, style);
            Servers.Add(server);
            return new(server);
        }
    }
}
