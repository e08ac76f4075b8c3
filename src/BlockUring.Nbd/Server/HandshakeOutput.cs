using System.Text;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Server;

/// <summary>What a server sends during a handshake: gathered until the client is to answer.</summary>
internal sealed class HandshakeOutput : IDisposable
{
    private ByteChannel channel;
    private readonly IoBuffer buffer;
    private int length;

    /// <summary>Rents its buffer.</summary>
    public HandshakeOutput(ByteChannel channel, BufferPool buffers)
    {
        this.channel = channel;
        buffer = buffers.Rent(4 * NbdLimits.MaxStringBytes);
    }

    /// <summary>Adds bytes.</summary>
    /// <returns>False where the connection has ended.</returns>
    public async ValueTask<bool> AddAsync(byte[] bytes)
    {
        if (length + bytes.Length > buffer.Length && !await FlushAsync())
            return false;
        bytes.CopyTo(buffer.Span[length..]);
        length += bytes.Length;
        return true;
    }

    /// <summary>Adds the reply to an option.</summary>
    /// <returns>False where the connection has ended.</returns>
    public ValueTask<bool> ReplyAsync(NbdOption option, NbdOptionReply reply, params byte[] data)
    {
        var bytes = new byte[NbdLimits.OptionReplyBytes + data.Length];
        var start = new NbdOptionReplyHeader(option, reply, (uint)data.Length).Write(bytes);
        data.CopyTo(bytes, start);
        return AddAsync(bytes);
    }

    /// <summary>Refuses an option, with words for people.</summary>
    /// <returns>False where the connection has ended.</returns>
    public ValueTask<bool> RefuseAsync(NbdOption option, NbdOptionReply reply, string message) =>
        ReplyAsync(option, reply, Encoding.UTF8.GetBytes(message));

    /// <summary>Sends all.</summary>
    /// <returns>False where the connection has ended.</returns>
    public async ValueTask<bool> FlushAsync()
    {
        for (var done = 0; done < length;)
        {
            var sent = await channel.SendAsync(buffer.Memory.Slice(done, length - done));
            if (sent <= 0)
                return false;
            done += sent;
        }

        length = 0;
        return true;
    }

    /// <summary>Goes on with another channel.</summary>
    public void MoveTo(ByteChannel next) => channel = next;

    /// <summary>Returns the buffer; nothing may be in flight.</summary>
    public void Dispose() => buffer.Dispose();
}
