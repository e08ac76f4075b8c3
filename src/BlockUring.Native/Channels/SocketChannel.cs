using System.Net.Sockets;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;

namespace BlockUring.Native.Channels;

/// <summary>A connected socket, served by the ring.</summary>
public sealed class SocketChannel : ByteChannel
{
    // MSG_NOSIGNAL: a client that has gone is an error number, not a signal.
    private const int SendFlags = 0x4000;

    private readonly IoThread thread;
    private readonly Socket socket;
    private readonly DescriptorTarget target;
    private bool isShutDown;

    /// <summary>Takes a connected socket over.</summary>
    public SocketChannel(IoThread thread, Socket socket, string name)
    {
        this.thread = thread;
        this.socket = socket;
        target = new((int)socket.SafeHandle.DangerousGetHandle(), name);
        PeerText = socket.AddressFamily == AddressFamily.Unix ? "" : PeerOf(socket);
    }

    /// <summary>Who is at the other end, as QEMU adds it to the name of a device; "" for a unix socket.</summary>
    public string PeerText { get; }

    /// <inheritdoc/>
    public override ValueTask<int> ReceiveAsync(IoMemory destination) => thread.Queue.ReceiveAsync(target, destination);

    /// <inheritdoc/>
    public override ValueTask<int> SendAsync(IoMemory source) => thread.Queue.SendAsync(target, source, SendFlags);

    /// <inheritdoc/>
    public override ValueTask ShutdownAsync()
    {
        if (isShutDown)
            return default;
        isShutDown = true;
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // The peer was faster: the connection has ended already.
        }

        return default;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool isDisposing) => socket.Dispose();

    private static string PeerOf(Socket socket)
    {
        try
        {
            return $" <-> {socket.RemoteEndPoint}";
        }
        catch (SocketException)
        {
            // It has gone already.
            return "";
        }
    }
}
