using BlockUring.Native.Uring;
using BlockUring.Nbd.Server;
using BlockUring.Qmp.Channels;

namespace BlockUring.Qmp.Exports;

/// <summary>Opens the sockets of an NBD server.</summary>
public static class NbdListening
{
    // What a client that opens several connections at once may ask for.
    private const int Backlog = 128;

    /// <summary>Binds, listens and takes clients from now on.</summary>
    /// <param name="thread">Serves them.</param>
    /// <param name="server">Gets them.</param>
    /// <param name="place">Where: a path, a host and port, or a descriptor.</param>
    /// <exception cref="Storage.BlockException">"Failed to bind socket to PATH: reason" and the like.</exception>
    public static NbdListener Open(IoThread thread, NbdServer server, ChardevOptions place)
    {
        var socket = ChardevFactory.Listen(place, Backlog, out _);
        var listener = new NbdListener(thread, server, socket, place.Path == null ? null : Path.GetFullPath(place.Path));
        listener.Start();
        return listener;
    }
}
