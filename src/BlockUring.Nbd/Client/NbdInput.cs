using System.Runtime.CompilerServices;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Nbd.Client;

/// <summary>What a server sends, in pieces as the reader wants them: headers from a buffer, long payloads straight to their place.</summary>
internal sealed class NbdInput(ByteChannel channel, BufferPool buffers) : IDisposable
{
    /// <summary>The most bytes that <see cref="FillAsync"/> can be asked for.</summary>
    public const int Capacity = 64 << 10;

    private readonly IoBuffer buffer = buffers.Rent(Capacity);
    private int start;
    private int end;

    /// <summary>What has been received and not been taken.</summary>
    public ReadOnlySpan<byte> Buffered => buffer.Span[start..end];

    /// <summary>How many bytes are received beyond those asked for: none where what follows may not be for this reader.</summary>
    public int ReadAhead { get; set; }

    /// <summary>Receives until some bytes are in <see cref="Buffered"/>.</summary>
    /// <returns>False when the connection has ended before.</returns>
    public ValueTask<bool> FillAsync(int count) => end - start >= count ? new(true) : ReceiveAsync(count);

    /// <summary>Takes bytes of <see cref="Buffered"/>, which stay where they are until the next call.</summary>
    public ReadOnlySpan<byte> Take(int count)
    {
        var taken = Buffered[..count];
        start += count;
        return taken;
    }

    /// <summary>Fills a buffer of somebody else.</summary>
    /// <returns>False when the connection has ended before.</returns>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<bool> ReadAsync(IoMemory destination)
    {
        var part = Math.Min(destination.Length, end - start);
        Take(part).CopyTo(destination.Span);
        destination = destination.Slice(part);
        while (destination.Length > 0)
        {
            var received = await channel.ReceiveAsync(destination);
            if (received <= 0 || received > destination.Length)
                return false;
            destination = destination.Slice(received);
        }

        return true;
    }

    /// <summary>Takes bytes and forgets them.</summary>
    /// <returns>False when the connection has ended before.</returns>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<bool> SkipAsync(long count)
    {
        while (count > 0)
        {
            var part = (int)Math.Min(count, Capacity / 2);
            if (!await FillAsync(part))
                return false;
            Take(part);
            count -= part;
        }

        return true;
    }

    public void Dispose() => buffer.Dispose();

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> ReceiveAsync(int count)
    {
        if (start == end)
            start = end = 0;
        if (Capacity - start < Math.Min(Capacity, count + ReadAhead))
        {
            Buffered.CopyTo(buffer.Span);
            (start, end) = (0, end - start);
        }

        while (end - start < count)
        {
            var room = Math.Min(Capacity - end, count - (end - start) + ReadAhead);
            var received = await channel.ReceiveAsync(buffer.Memory.Slice(end, room));
            if (received <= 0 || received > room)
                return false;
            end += received;
        }

        return true;
    }
}
