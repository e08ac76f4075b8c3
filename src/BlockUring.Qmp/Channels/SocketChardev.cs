using System.Net.Sockets;
using BlockUring.Native.Channels;
using BlockUring.Native.Interop;
using BlockUring.Native.Uring;

namespace BlockUring.Qmp.Channels;

/// <summary>A socket that listens and serves one client at a time; others wait in the kernel's queue.</summary>
internal sealed class SocketChardev : Chardev
{
    // SOCK_CLOEXEC.
    private const int AcceptFlags = 0x80000;

    private readonly IoThread thread;
    private readonly Socket listener;
    private readonly ChardevOptions options;
    private readonly string address;
    private readonly DescriptorTarget target;

    // Why whole: a daemon that goes to the background leaves its working directory.
    private readonly string? path;
    private SocketChannel? first;
    private SocketChannel? current;
    private bool isAccepting;
    private bool isStopping;

    /// <summary>Takes a listening socket over.</summary>
    /// <param name="thread">Serves it.</param>
    /// <param name="listener">Is bound and listens.</param>
    /// <param name="options">What it was made from.</param>
    /// <param name="address">In QEMU's words: "unix:/run/x.sock".</param>
    public SocketChardev(IoThread thread, Socket listener, ChardevOptions options, string address)
        : base(options.Id)
    {
        this.thread = thread;
        this.listener = listener;
        this.options = options;
        this.address = address;
        path = options.Path == null ? null : Path.GetFullPath(options.Path);
        target = new((int)listener.SafeHandle.DangerousGetHandle(), address);
    }

    /// <inheritdoc/>
    public override string Filename => current == null ? $"disconnected:{address},server=on" : $"{address},server=on{current.PeerText}";

    /// <inheritdoc/>
    internal override string? SocketPath => path;

    /// <summary>Waits for the first client, before there is a monitor.</summary>
    public async ValueTask AwaitFirstAsync() => first = await AcceptAsync();

    /// <inheritdoc/>
    public override async ValueTask<ByteChannel?> NextClientAsync()
    {
        current = null;
        current = first ?? await AcceptAsync();
        first = null;
        return current;
    }

    /// <inheritdoc/>
    public override async ValueTask StopAsync()
    {
        if (isStopping)
            return;
        isStopping = true;
        if (path != null)
            File.Delete(path);
        if (isAccepting)
            await thread.Queue.CancelAllAsync(target);
        else
            listener.Dispose();
    }

    private async ValueTask<SocketChannel?> AcceptAsync()
    {
        while (!isStopping)
        {
            isAccepting = true;
            var accepted = await thread.Queue.AcceptAsync(target, AcceptFlags);
            isAccepting = false;
            if (accepted >= 0)
                return ChannelOf(accepted);
            if (accepted is not (-Errno.EINTR or -Errno.EAGAIN or -Errno.ECANCELED))
                await thread.DelayAsync(TimeSpan.FromMilliseconds(100));
        }

        listener.Dispose();
        return null;
    }

    private SocketChannel ChannelOf(int descriptor)
    {
        var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
        try
        {
            if (options.HasNoDelay && socket.ProtocolType == ProtocolType.Tcp)
                socket.NoDelay = true;
        }
        catch (SocketException)
        {
            // It has gone already; the first receive will say so.
        }

        return new(thread, socket, address);
    }
}
