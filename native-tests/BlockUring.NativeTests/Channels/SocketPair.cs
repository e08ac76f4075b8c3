using System.Net.Sockets;
using BlockUring.Native.Channels;
using BlockUring.Native.Uring;

namespace BlockUring.NativeTests.Channels;

/// <summary>Two connected sockets.</summary>
internal static class SocketPair
{
    public static (SocketChannel One, SocketChannel Other) Make(IoThread thread)
    {
        var path = Path.Combine(Path.GetTempPath(), $"bu-{Guid.NewGuid():N}");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        var other = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        other.Connect(new UnixDomainSocketEndPoint(path));
        var one = listener.Accept();
        File.Delete(path);
        return (new(thread, one, "one"), new(thread, other, "other"));
    }
}
