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
    private const int DefaultRingBytes = 65536;

    private static IPAddress AnyAddress => Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;

    /// <summary>Makes a device.</summary>
    /// <param name="thread">Serves it.</param>
    /// <param name="options">What to make.</param>
    /// <param name="inform">Receives a line when the start waits for a client, and when a server cannot be reached that is tried again later.</param>
    /// <exception cref="BlockException">"Failed to bind socket to PATH: reason" and the like.</exception>
    public static async ValueTask<Chardev> OpenAsync(IoThread thread, ChardevOptions options, Action<string> inform)
    {
        if (options.LogPath == null)
            return await MakeAsync(thread, options, inform);
        var log = OpenLog(options);
        try
        {
            return new LoggedChardev(thread, await MakeAsync(thread, options, inform), log);
        }
        catch (BlockException)
        {
            _ = FileSystemCalls.Close(log);
            throw;
        }
    }

    private static async ValueTask<Chardev> MakeAsync(IoThread thread, ChardevOptions options, Action<string> inform) => options.Backend switch
    {
        "stdio" => new StdioChardev(thread, options.Id),
        "null" => new NullChardev(options.Id),
        "ringbuf" or "memory" => new RingChardev(options.Id, options.Backend, options.RingBytes > 0 ? (int)options.RingBytes : DefaultRingBytes),

        // Why by another thread: opening a pipe without a reader waits for one.
        "file" => await thread.OffloadAsync(() => FileChardev.OpenFile(thread, options)),
        "pipe" => FileChardev.OpenPipe(thread, options),
        _ when options.IsServer => await ServeAsync(thread, options, inform),
        _ when options.ReconnectSeconds > 0 && options.Descriptor < 0 =>
            new ReconnectingChardev(thread, options, () => ConnectAsync(thread, options), AddressText(options), inform),
        _ when options.Descriptor >= 0 => new ConnectedChardev(thread, Inherit(options.Descriptor), options.Id, AddressText(options)),
        _ => new ConnectedChardev(thread, await ConnectAsync(thread, options), options.Id, AddressText(options)),
    };

    private static string AddressText(ChardevOptions options) =>
        options.Descriptor >= 0 ? $"fd:{options.Descriptor}" : options.Path != null ? $"unix:{options.Path}" : $"tcp:{options.Host}:{options.Port}";

    private static async ValueTask<Chardev> ServeAsync(IoThread thread, ChardevOptions options, Action<string> inform)
    {
        var listener = Listen(options, Backlog, out var address);
        var chardev = new SocketChardev(thread, listener, options, address);
        if (options.Waits == true)
        {
            inform($"QEMU waiting for connection on: {chardev.Filename}");
            await chardev.AwaitFirstAsync();
        }

        return chardev;
    }

    private static int OpenLog(ChardevOptions options)
    {
        var flags = OpenFlags.WriteOnly | OpenFlags.Create | (options.AppendsToLog ? OpenFlags.Append : OpenFlags.Truncate);
        var log = FileSystemCalls.Open(options.LogPath!, flags);
        return log >= 0 ? log
            : throw new BlockException(BlockException.KindOf(-log), $"Could not create '{options.LogPath}': {Errno.Message(-log)}", -log);
    }

    /// <summary>Binds and listens; the descriptor where one was handed over.</summary>
    /// <param name="options">Of a server.</param>
    /// <param name="backlog">Clients that may wait to be taken.</param>
    /// <param name="address">In QEMU's words: "unix:/run/x.sock".</param>
    /// <exception cref="BlockException">"Failed to bind socket to PATH: reason" and the like.</exception>
    internal static Socket Listen(ChardevOptions options, int backlog, out string address)
    {
        if (options.Descriptor >= 0)
        {
            address = $"fd:{options.Descriptor}";
            return Inherit(options.Descriptor);
        }

        return options.Path != null ? ListenOnPath(options.Path, backlog, out address) : ListenOnPort(options, backlog, out address);
    }

    private static Socket ListenOnPath(string path, int backlog, out string address)
    {
        address = $"unix:{path}";
        DemandPlace(Path.GetDirectoryName(Path.GetFullPath(path))!, $"Failed to bind socket to {path}");
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // Why: what a daemon that was killed has left there must not keep the next one from starting.
            File.Delete(path);
            socket.Bind(new UnixDomainSocketEndPoint(path));
            socket.Listen(backlog);
            return socket;
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            socket.Dispose();
            throw Failure($"Failed to bind socket to {path}", e);
        }
    }

    private static Socket ListenOnPort(ChardevOptions options, int backlog, out string address)
    {
        var socket = (Socket?)null;
        try
        {
            var ip = options.Host!.Length == 0 ? AnyAddress : AddressOf(options);
            socket = new(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (ip.Equals(IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.Bind(new IPEndPoint(ip, options.Port));
            socket.Listen(backlog);
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
        // Why first: a look-up refuses the addresses that stand for all.
        if (IPAddress.TryParse(options.Host, out var given))
            return given;
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

    private static async ValueTask<Socket> ConnectAsync(IoThread thread, ChardevOptions options)
    {
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

        return socket;
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
