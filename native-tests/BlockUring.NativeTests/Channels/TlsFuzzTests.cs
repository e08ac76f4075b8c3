using System.Globalization;
using BlockUring.Native.Channels;
using BlockUring.Native.Uring;
using BlockUring.NativeTests.Uring;
using Xunit;

namespace BlockUring.NativeTests.Channels;

/// <summary>Changed, cut and added bytes at any place of a connection end it; nothing false is ever received.</summary>
public sealed class TlsFuzzTests(ITestOutputHelper log) : IDisposable
{
    private const int MessageBytes = 40_000;

    private readonly TestPki pki = new();
    private int endedCount;

    public void Dispose() => pki.Dispose();

    [Fact]
    public void HostileRecordsEndTheConnection()
    {
        Assert.SkipWhen(TlsContext.WhyNot != null, TlsContext.WhyNot ?? "");
        var count = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_TLS_FUZZ_COUNT") ?? "150", CultureInfo.InvariantCulture);
        var seed = int.Parse(Environment.GetEnvironmentVariable("BLOCKURING_TLS_FUZZ_SEED") ?? "1", CultureInfo.InvariantCulture);
        log.WriteLine($"seed {seed}, {count} connections");
        (TlsContext, TlsContext)[] contexts =
        [
            (pki.Context(true, pki.Issue("server", true, "localhost")), pki.Context(false, pki.Issue("client", false))),
            (TestPki.SharedKey(true, ("qemu", new byte[32])), TestPki.SharedKey(false, ("qemu", new byte[32]))),
            (TestPki.Anonymous(true), TestPki.Anonymous(false)),
        ];
        RingHost.Run(
            async thread =>
            {
                for (var i = 0; i < count; i++)
                    await RunAsync(thread, contexts[i % contexts.Length], new Random((seed * 1_000_003) + i), i);
            },
            timeoutSeconds: 60 + (count / 10));

        // A change that both survive would be one that nobody notices: there are such places only where a record has not been authenticated.
        Assert.InRange(endedCount, count * 9 / 10, count);
    }

    private async ValueTask RunAsync(IoThread thread, (TlsContext, TlsContext) contexts, Random random, int number)
    {
        var pair = TlsPair.Make(thread, contexts, "localhost", random);
        var place = random.Next(3) == 0 ? random.Next(MessageBytes) : random.Next(2500);
        var wire = random.Next(2) == 0 ? pair.ServerWire : pair.ClientWire;
        var isDone = false;
        wire.Tamper = (position, bytes) =>
        {
            if (isDone || position + bytes.Length <= place)
                return bytes;
            isDone = true;
            return Change(random, bytes, (int)Math.Max(0, place - position));
        };
        var limit = CutAsync(thread, pair);
        var (server, client) = (UseAsync(thread, pair.Server, 5), UseAsync(thread, pair.Client, 6));
        if (!await server | !await client)
            endedCount++;
        await TlsPair.CloseAsync(pair);
        Assert.True(isDone, $"connection {number}: nothing was changed at {place}");
        await limit;
    }

    // Lost bytes are waited for for ever, by right: who uses the channel has a limit of time. Here it is until nothing moves any more.
    private static async Task CutAsync(IoThread thread, TlsPair pair)
    {
        for (long before = -1, now = 0; before != now; before = now, now = pair.ServerWire.SentBytes + pair.ClientWire.SentBytes)
        {
            for (var i = 0; i < 3; i++)
                await thread.YieldAsync();
        }

        await pair.ServerWire.ShutdownAsync();
        await pair.ClientWire.ShutdownAsync();
    }

    /// <returns>Whether everything arrived.</returns>
    private static async Task<bool> UseAsync(IoThread thread, TlsChannel channel, int seed)
    {
        if (await TlsPair.FailureOfAsync(channel) != null)
        {
            await channel.ShutdownAsync();
            return false;
        }

        var send = SendAsync(thread, channel, seed);
        var isWhole = await ReceiveAsync(thread, channel, seed == 5 ? 6 : 5);
        if (!isWhole)
            await channel.ShutdownAsync();
        return await send && isWhole;
    }

    private static async Task<bool> SendAsync(IoThread thread, TlsChannel channel, int seed)
    {
        using var buffer = thread.Buffers.Rent(MessageBytes);
        for (var i = 0; i < MessageBytes; i++)
            buffer.Span[i] = TlsPair.Content(seed, i);
        for (var done = 0; done < MessageBytes;)
        {
            var sent = await channel.SendAsync(buffer.Memory.Slice(done));
            if (sent <= 0)
                return false;
            done += sent;
        }

        return true;
    }

    private static async Task<bool> ReceiveAsync(IoThread thread, TlsChannel channel, int seed)
    {
        using var buffer = thread.Buffers.Rent(MessageBytes);
        for (var done = 0; done < MessageBytes;)
        {
            var count = await channel.ReceiveAsync(buffer.Memory.Slice(0, MessageBytes - done));
            if (count <= 0)
                return false;
            for (var i = 0; i < count; i++)
                Assert.Equal(TlsPair.Content(seed, done + i), buffer.Span[i]);
            done += count;
        }

        return true;
    }

    private static byte[] Change(Random random, byte[] bytes, int place)
    {
        switch (random.Next(5))
        {
            case 0:
                bytes[place] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                random.NextBytes(bytes.AsSpan(place, Math.Min(bytes.Length - place, random.Next(1, 64))));
                return bytes;
            case 2:
                return [.. bytes[..place], .. bytes[Math.Min(bytes.Length, place + random.Next(1, 40))..]];
            case 3:
                var added = new byte[random.Next(1, 40)];
                random.NextBytes(added);
                return [.. bytes[..place], .. added, .. bytes[place..]];
            default:
                return [.. bytes[..place], .. bytes[..place], .. bytes[place..], 0x17, 0x03, 0x03, 0xff, 0xff];
        }
    }
}
