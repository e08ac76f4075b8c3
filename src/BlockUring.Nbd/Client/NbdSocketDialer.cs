using System.Globalization;
using System.Net;
using System.Net.Sockets;
using BlockUring.Native.Channels;
using BlockUring.Native.Interop;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Nbd.Client;

/// <summary>Connects to a server over the host's sockets.</summary>
/// <param name="thread">Serves the connections.</param>
/// <param name="address">The server.</param>
public sealed class NbdSocketDialer(IoThread thread, NbdAddress address) : NbdDialer
{
    private const int MaxPathBytes = 107;

    private readonly List<Action> attempts = [];

    /// <inheritdoc/>
    public override async ValueTask<ByteChannel> DialAsync()
    {
        var error = 0;
        foreach (var place in await FindAsync())
        {
            Action? giveUp = null;
            try
            {
                (var channel, error) = await SocketConnector.ConnectAsync(thread, place, address.ToString(), a => attempts.Add(giveUp = a));
                if (channel != null)
                    return channel;
            }
            catch (SocketException e)
            {
                error = e.NativeErrorCode;
            }
            finally
            {
                attempts.Remove(giveUp!);
            }

            if (error == Errno.ECANCELED)
                break;
        }

        throw new BlockException(BlockException.KindOf(error), $"Failed to connect to '{Printable}': {Errno.Message(error)}", error);
    }

    /// <inheritdoc/>
    public override void GiveUp()
    {
        foreach (var attempt in attempts.ToArray())
            attempt();
    }

    private string Printable => address.ToString().Replace('\0', '@');

    private async ValueTask<IReadOnlyList<EndPoint>> FindAsync()
    {
        if (address.Path is { } path)
        {
            return System.Text.Encoding.UTF8.GetByteCount(path) <= MaxPathBytes
                ? [new UnixDomainSocketEndPoint(path)]
                : throw new BlockException(BlockErrorKind.Invalid, $"UNIX socket path '{Printable}' is too long\nPath must be less than 108 bytes");
        }

        if (!int.TryParse(address.Port, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port > IPEndPoint.MaxPort)
            throw Unresolved("Servname not supported for ai_socktype");
        if (IPAddress.TryParse(address.Host, out var number))
            return [new IPEndPoint(number, port)];

        // Why by a worker: the resolver blocks.
        var found = await thread.OffloadAsync(() => Resolve(address.Host!));
        return found.Length > 0 ? [.. found.Select(a => new IPEndPoint(a, port))] : throw Unresolved("Name or service not known");
    }

    private static IPAddress[] Resolve(string host)
    {
        try
        {
            return Dns.GetHostAddresses(host);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return [];
        }
    }

    private BlockException Unresolved(string reason) =>
        new(BlockErrorKind.NotFound, $"address resolution failed for {address}: {reason}", Errno.ENOENT);
}
