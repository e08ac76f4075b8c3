using System.Net.Sockets;
using BlockUring.Native.Channels;
using BlockUring.Native.Uring;

namespace BlockUring.Qmp.Channels;

/// <summary>A socket that is connected to its one client from the start.</summary>
internal sealed class ConnectedChardev(IoThread thread, Socket socket, string label, string address) : OneClientChardev(label)
{
    /// <inheritdoc/>
    public override string Filename => HasLeft ? $"disconnected:{address}" : address;

    /// <inheritdoc/>
    protected override ByteChannel Connect() => new SocketChannel(thread, socket, address);

    /// <inheritdoc/>
    protected override void Abandon() => socket.Dispose();
}
