using System.Net;
using System.Net.Sockets;
using BlockUring.Native.Interop;
using BlockUring.Native.Uring;

namespace BlockUring.Native.Channels;

/// <summary>Connects sockets by the ring: a peer that never answers holds up nobody, and can be given up.</summary>
public static class SocketConnector
{
    /// <summary>Connects to an address.</summary>
    /// <param name="thread">The calling thread; serves the connection.</param>
    /// <param name="address">A unix or an internet address.</param>
    /// <param name="name">What messages call the connection.</param>
    /// <param name="started">Gets what gives the attempt up, which then ends soon, with ECANCELED.</param>
    /// <returns>The connection, or null and a positive error number.</returns>
    public static async ValueTask<(SocketChannel? Channel, int Error)> ConnectAsync(
        IoThread thread, EndPoint address, string name, Action<Action> started)
    {
        var socket = address.AddressFamily == AddressFamily.Unix
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var target = new DescriptorTarget((int)socket.SafeHandle.DangerousGetHandle(), name);
        var isOver = false;
        started(() =>
        {
            if (!isOver)
                thread.Detach(CancelAsync(thread, target));
        });
        try
        {
            var error = await ConnectAsync(thread, target, address.Serialize());
            if (error == 0)
                return (new SocketChannel(thread, socket, name), 0);
            socket.Dispose();
            return (null, error);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        finally
        {
            isOver = true;
        }
    }

    private static async ValueTask<int> ConnectAsync(IoThread thread, DescriptorTarget target, SocketAddress address)
    {
        using var bytes = thread.Buffers.Rent(address.Size);
        address.Buffer.Span[..address.Size].CopyTo(bytes.Span);
        var answer = await thread.Queue.ConnectAsync(target, bytes.Memory);
        while (answer == -Errno.EINTR)
            answer = await thread.Queue.ConnectAsync(target, bytes.Memory);
        return -answer;
    }

    private static async ValueTask CancelAsync(IoThread thread, DescriptorTarget target) => await thread.Queue.CancelAllAsync(target);
}
