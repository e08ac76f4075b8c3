using System.Runtime.CompilerServices;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Nbd.Client;

/// <summary>Sends whole buffers.</summary>
internal static class NbdOutput
{
    /// <summary>Sends all of a buffer.</summary>
    /// <returns>False when the connection has ended before.</returns>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public static async ValueTask<bool> SendAllAsync(this ByteChannel channel, IoMemory source)
    {
        while (source.Length > 0)
        {
            var sent = await channel.SendAsync(source);
            if (sent <= 0 || sent > source.Length)
                return false;
            source = source.Slice(sent);
        }

        return true;
    }
}
