using System.Runtime.CompilerServices;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Nbd.Server;

/// <summary>
/// What a peer sends, from one buffer: one receive brings many small messages; of a long payload what the buffer has is copied, and the rest is
/// received where it belongs.
/// </summary>
internal sealed class ChannelInput : IDisposable
{
    private ByteChannel channel;
    private readonly IoBuffer buffer;
    private int start;
    private int end;

    /// <summary>Rents its buffer.</summary>
    /// <param name="channel">Whose; not owned.</param>
    /// <param name="buffers">Of the channel's thread.</param>
    /// <param name="length">Bytes of the buffer: the longest message that <see cref="FillAsync"/> can be asked for.</param>
    public ChannelInput(ByteChannel channel, BufferPool buffers, int length)
    {
        this.channel = channel;
        buffer = buffers.Rent(length);
    }

    /// <summary>What has come and was not taken.</summary>
    public ReadOnlySpan<byte> Available => buffer.Span[start..end];

    /// <summary>Waits until so many bytes are available.</summary>
    /// <returns>False where the connection ends before.</returns>
    public ValueTask<bool> FillAsync(int count) => end - start >= count ? new(true) : ReceiveMoreAsync(count);

    /// <summary>Takes bytes that are available.</summary>
    public void Take(int count)
    {
        start += count;
        if (start == end)
            start = end = 0;
    }

    /// <summary>Fills memory with what comes next.</summary>
    /// <returns>False where the connection ends before.</returns>
    public ValueTask<bool> ReadAsync(IoMemory destination)
    {
        var there = Math.Min(destination.Length, end - start);
        Available[..there].CopyTo(destination.Span);
        Take(there);
        return there == destination.Length ? new(true) : ReceiveAsync(destination.Slice(there));
    }

    /// <summary>Throws away what comes next.</summary>
    /// <returns>False where the connection ends before.</returns>
    public async ValueTask<bool> SkipAsync(long count)
    {
        while (count > 0)
        {
            if (!await FillAsync(1))
                return false;
            var part = (int)Math.Min(count, end - start);
            Take(part);
            count -= part;
        }

        return true;
    }

    /// <summary>Goes on with another channel; all that came has been taken.</summary>
    public void MoveTo(ByteChannel next) => channel = next;

    /// <summary>Returns the buffer; nothing may be in flight.</summary>
    public void Dispose() => buffer.Dispose();

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> ReceiveMoreAsync(int count)
    {
        if (start + count > buffer.Length)
        {
            Available.CopyTo(buffer.Span);
            (start, end) = (0, end - start);
        }

        while (end - start < count)
        {
            var received = await channel.ReceiveAsync(buffer.Memory.Slice(end));
            if (received <= 0)
                return false;
            end += received;
        }

        return true;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> ReceiveAsync(IoMemory destination)
    {
        while (destination.Length > 0)
        {
            var received = await channel.ReceiveAsync(destination);
            if (received <= 0)
                return false;
            destination = destination.Slice(received);
        }

        return true;
    }
}
