using BlockUring.Native.Channels;
using BlockUring.Native.Uring;
using Xunit;

namespace BlockUring.NativeTests.Channels;

/// <summary>A server's and a client's end of one secure connection in memory.</summary>
internal sealed record TlsPair(TlsChannel Server, TlsChannel Client, WireChannel ServerWire, WireChannel ClientWire)
{
    public static TlsPair Make(
        Scheduler thread, (TlsContext Server, TlsContext Client) contexts, string? host, Random random, int capacity = 100_000)
    {
        var (one, other) = WireChannel.Pair(random, capacity);
        return new(new(thread, one, contexts.Server), new(thread, other, contexts.Client, host), one, other);
    }

    public static async ValueTask<TlsPair> ConnectAsync(
        Scheduler thread, (TlsContext Server, TlsContext Client) contexts, string? host, Random random, int capacity = 100_000)
    {
        var pair = Make(thread, contexts, host, random, capacity);
        var server = pair.Server.HandshakeAsync().AsTask();
        await pair.Client.HandshakeAsync();
        await server;
        return pair;
    }

    /// <summary>What both say who do not get together; null for one who did not notice before the first receive.</summary>
    public static async ValueTask<(string? Client, string? Server)> FailAsync(
        Scheduler thread, (TlsContext Server, TlsContext Client) contexts, string? host)
    {
        var pair = Make(thread, contexts, host, new Random(1));
        var server = FailureOfAsync(pair.Server);
        var client = await FailureOfAsync(pair.Client);
        if (client == null)
        {
            using var buffer = thread.Buffers.Rent(64);
            Assert.True(await pair.Client.ReceiveAsync(buffer.Memory) < 0);
        }
        else
        {
            await pair.Client.ShutdownAsync();
        }

        var said = await server;
        await CloseAsync(pair);
        return (client, said);
    }

    public static async Task<string?> FailureOfAsync(TlsChannel channel)
    {
        try
        {
            await channel.HandshakeAsync();
            return null;
        }
        catch (TlsException e)
        {
            return e.Message;
        }
    }

    /// <summary>Moves known bytes both ways at once, in pieces of any length.</summary>
    public static async ValueTask ExchangeAsync(IoThread thread, TlsPair pair, int length, int seed, bool updates = false)
    {
        Task[] all =
        [
            SendAsync(thread, pair.Server, length, seed, updates),
            SendAsync(thread, pair.Client, length, seed + 1, updates),
            ReceiveAsync(thread, pair.Server, length, seed + 1),
            ReceiveAsync(thread, pair.Client, length, seed),
        ];
        foreach (var one in all)
            await one;
    }

    /// <summary>Both ends say goodbye and are disposed of, and what they were made over with them.</summary>
    public static async ValueTask CloseAsync(TlsPair pair)
    {
        await pair.Client.ShutdownAsync();
        await pair.Server.ShutdownAsync();
        pair.Client.Dispose();
        pair.Server.Dispose();
        Assert.True(pair.ClientWire.IsDisposed && pair.ServerWire.IsDisposed);
    }

    public static byte Content(int seed, long position) => (byte)((position * 2654435761L >> 13) ^ (position >> 3) ^ seed);

    private static async Task SendAsync(IoThread thread, TlsChannel channel, int length, int seed, bool updates)
    {
        var random = new Random(seed);
        using var buffer = thread.Buffers.Rent(300_000);
        for (var done = 0; done < length;)
        {
            var piece = buffer.Memory.Slice(0, Math.Min(random.Next(1, buffer.Length), length - done));
            for (var i = 0; i < piece.Length; i++)
                piece.Span[i] = Content(seed, done + i);
            for (var sent = 0; sent < piece.Length;)
            {
                if (updates && random.Next(3) == 0)
                    Assert.True(channel.UpdateKeys());
                var count = await channel.SendAsync(piece.Slice(sent));
                Assert.InRange(count, 1, piece.Length - sent);
                sent += count;
            }

            done += piece.Length;
        }
    }

    private static async Task ReceiveAsync(IoThread thread, TlsChannel channel, int length, int seed)
    {
        var random = new Random(seed + 99);
        using var buffer = thread.Buffers.Rent(100_000);
        for (var done = 0; done < length;)
        {
            var count = await channel.ReceiveAsync(buffer.Memory.Slice(0, Math.Min(random.Next(1, buffer.Length), length - done)));
            Assert.True(count > 0, $"ended with {count} after {done} bytes");
            for (var i = 0; i < count; i++)
                Assert.Equal(Content(seed, done + i), buffer.Span[i]);
            done += count;
        }
    }
}
