using System.Net.Sockets;
using BlockUring.Native.Channels;
using BlockUring.Native.Interop;
using BlockUring.Native.Uring;

namespace BlockUring.Nbd.Server;

/// <summary>Takes the clients of a server from a listening socket.</summary>
public sealed class NbdListener
{
    // SOCK_CLOEXEC.
    private const int AcceptFlags = 0x80000;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(100);

    private readonly IoThread thread;
    private readonly NbdServer server;
    private readonly Socket socket;
    private readonly DescriptorTarget target;
    private readonly string? path;
    private bool isAccepting;
    private bool isStopping;

    /// <summary>Takes a socket over that is bound and listens.</summary>
    /// <param name="thread">Serves it.</param>
    /// <param name="server">Gets the clients.</param>
    /// <param name="socket">Owned from now on.</param>
    /// <param name="path">Where a unix socket lies that is to be removed at the end; null for none.</param>
    public NbdListener(IoThread thread, NbdServer server, Socket socket, string? path)
    {
        this.path = path;
        this.thread = thread;
        this.server = server;
        this.socket = socket;
        target = new((int)socket.SafeHandle.DangerousGetHandle(), "NBD server");
    }

    /// <summary>Starts to take clients.</summary>
    public void Start() => thread.Detach(AcceptAsync());

    /// <summary>Takes no more clients and closes the socket.</summary>
    public async ValueTask StopAsync()
    {
        if (isStopping)
            return;
        isStopping = true;
        if (path != null)
            File.Delete(path);
        if (isAccepting)
            await thread.Queue.CancelAllAsync(target);
        else
            socket.Dispose();
    }

    private async ValueTask AcceptAsync()
    {
        await server.WaitForRoomAsync();
        while (!isStopping)
        {
            isAccepting = true;
            var accepted = await thread.Queue.AcceptAsync(target, AcceptFlags);
            isAccepting = false;
            if (accepted >= 0)
                Serve(accepted);
            else if (accepted is not (-Errno.EINTR or -Errno.EAGAIN or -Errno.ECANCELED))
                await thread.DelayAsync(RetryDelay);
            await server.WaitForRoomAsync();
        }

        socket.Dispose();
    }

    private void Serve(int descriptor)
    {
        var client = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
        try
        {
            if (client.ProtocolType == ProtocolType.Tcp)
                client.NoDelay = true;
        }
        catch (SocketException)
        {
            // It has gone already; the first receive will say so.
        }

        server.Serve(new SocketChannel(thread, client, "NBD client"));
    }
}
