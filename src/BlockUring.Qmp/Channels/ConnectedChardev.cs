using System.Net.Sockets;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Qmp.Channels;

/// <summary>A socket that is connected to its one client from the start.</summary>
internal sealed class ConnectedChardev(IoThread thread, Socket socket, string label, string address) : Chardev(label)
{
    private readonly Arrival stopped = new();
    private bool isTaken;
    private bool isStopping;

    /// <inheritdoc/>
    public override string Filename => address;

    /// <inheritdoc/>
    public override async ValueTask<ByteChannel?> NextClientAsync()
    {
        if (!isTaken && !isStopping)
        {
            isTaken = true;
            return new SocketChannel(thread, socket, address);
        }

        if (!isStopping)
            await stopped;
        return null;
    }

    /// <inheritdoc/>
    public override ValueTask StopAsync()
    {
        if (isStopping)
            return default;
        isStopping = true;
        if (!isTaken)
            socket.Dispose();
        stopped.Succeed();
        return default;
    }
}
