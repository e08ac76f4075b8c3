using System.Net;
using System.Net.Sockets;
using BlockUring.Native.Interop;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Qmp.Channels;

/// <summary>Makes character devices: binds, listens and connects; what follows goes through the ring.</summary>
public static class ChardevFactory
{
    private const int Backlog = 1;

    private static IPAddress AnyAddress => Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;

    /// <summary>Makes a device.</summary>
    /// <param name="thread">Serves it.</param>
    /// <param name="options">What to make.</param>
    /// <param name="inform">Receives a line when the start waits for a client.</param>
    /// <exception cref="BlockException">"Failed to bind socket to PATH: reason" and the like.</exception>
    public static async ValueTask<Chardev> OpenAsync(IoThread thread, ChardevOptions options, Action<string> inform)
    {
        if (options.Backend == "stdio")
            return new StdioChardev(thread, options.Id);
        if (options.Backend == "null")
            return new NullChardev(options.Id);
        if (!options.IsServer)
            return await ConnectAsync(thread, options);
        var listener = Listen(options, out var address);
        var chardev = new SocketChardev(thread, listener, options, address);
        if (options.Waits)
        {
            inform($"QEMU waiting for connection on: {chardev.Filename}");
            await chardev.AwaitFirstAsync();
        }

        return chardev;
    }

    private static Socket Listen(ChardevOptions options, out string address)
    {
        if (options.Descriptor >= 0)
        {
            address = $"fd:{options.Descriptor}";
            return Inherit(options.Descriptor);
        }

        return options.Path != null ? ListenOnPath(options.Path, out address) : ListenOnPort(options, out address);
    }

    private static Socket ListenOnPath(string path, out string address)
    {
        address = $"unix:{path}";
        DemandPlace(Path.GetDirectoryName(Path.GetFullPath(path))!, $"Failed to bind socket to {path}");
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // Why: what a daemon that was killed has left there must not keep the next one from starting.
            File.Delete(path);
            socket.Bind(new UnixDomainSocketEndPoint(path));
            socket.Listen(Backlog);
            return socket;
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            socket.Dispose();
            throw Failure($"Failed to bind socket to {path}", e);
        }
    }

    private static Socket ListenOnPort(ChardevOptions options, out string address)
    {
        var socket = (Socket?)null;
        try
        {
            var ip = options.Host!.Length == 0 ? AnyAddress : AddressOf(options);
            socket = new(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (ip.Equals(IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.Bind(new IPEndPoint(ip, options.Port));
            socket.Listen(Backlog);
            address = $"tcp:{socket.LocalEndPoint}";
            return socket;
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            throw Failure("Failed to find an available port", e);
        }
    }

    private static Socket Inherit(int descriptor)
    {
        try
        {
            return new(new SafeSocketHandle(descriptor, ownsHandle: true));
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            throw new BlockException(BlockErrorKind.Invalid, $"File descriptor '{descriptor}' is not a socket", Errno.EINVAL, e);
        }
    }

    private static IPAddress AddressOf(ChardevOptions options)
    {
        try
        {
            var addresses = Dns.GetHostAddresses(options.Host!);
            return Array.Find(addresses, a => a.AddressFamily == AddressFamily.InterNetwork) ?? addresses[0];
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            throw new BlockException(
                BlockErrorKind.NotFound, $"address resolution failed for {options.Host}:{options.Port}: Name or service not known", inner: e);
        }
    }

    private static async ValueTask<Chardev> ConnectAsync(IoThread thread, ChardevOptions options)
    {
        if (options.Descriptor >= 0)
            return new ConnectedChardev(thread, Inherit(options.Descriptor), options.Id, $"fd:{options.Descriptor}");
        var isUnix = options.Path != null;
        if (isUnix)
            DemandPlace(options.Path!, $"Failed to connect to '{options.Path}'");
        var socket = isUnix
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp);
        var ip = isUnix ? null : options.Host!.Length == 0 ? IPAddress.Loopback : AddressOf(options);
        try
        {
            await thread.OffloadAsync(() =>
            {
                if (isUnix)
                    socket.Connect(new UnixDomainSocketEndPoint(options.Path!));
                else
                    socket.Connect(ip!, options.Port);
                return 0;
            });
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw Failure($"Failed to connect to '{options.Path ?? $"{options.Host}:{options.Port}"}'", e);
        }

        return new ConnectedChardev(thread, socket, options.Id, isUnix ? $"unix:{options.Path}" : $"tcp:{options.Host}:{options.Port}");
    }

    // Why asked before: the run-time's error of a socket whose path leads nowhere does not tell so.
    private static void DemandPlace(string path, string what)
    {
        var answer = FileSystemCalls.Stat(path, out _);
        if (answer < 0)
            throw new BlockException(BlockException.KindOf(-answer), $"{what}: {Errno.Message(-answer)}", -answer);
    }

    private static BlockException Failure(string what, Exception e)
    {
        var errno = e switch
        {
            SocketException { NativeErrorCode: > 0 and < 200 } socket => socket.NativeErrorCode,
            DirectoryNotFoundException => Errno.ENOENT,
            _ => Errno.EACCES,
        };
        var reason = e is SocketException or DirectoryNotFoundException ? Errno.Message(errno) : e.Message;
        return new(BlockException.KindOf(errno), $"{what}: {reason}", errno, e);
    }
}
