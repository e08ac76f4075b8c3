using System.Runtime.InteropServices;
using System.Text;

namespace BlockUring.NativeTests.Uring;

/// <summary>The few calls of the C library that the tests make themselves.</summary>
internal static partial class Libc
{
    public const int ReadOnly = 0;
    public const int ReadWrite = 2;
    public const int Create = 0x40;
    public const int CloseOnExec = 0x80000;
    public const int PollIn = 1;
    public const int PollOut = 4;
    public const int PunchHoleKeepSize = 3;
    public const int WindowChanged = 28;

    /// <summary>O_DIRECT has another value on arm64.</summary>
    public static int Direct => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x10000 : 0x4000;

    public static int Open(string path, int flags)
    {
        var descriptor = OpenFile(path, flags | CloseOnExec, 0x1a4);
        return descriptor >= 0 ? descriptor : throw new IOException($"open {path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    public static (int Left, int Right) SocketPair()
    {
        Span<int> pair = stackalloc int[2];
        Demand(SocketPair(1, 1 | CloseOnExec, 0, pair));
        return (pair[0], pair[1]);
    }

    public static int Listen(string path)
    {
        var listener = Demand(Socket(1, 1 | CloseOnExec, 0));
        Demand(Bind(listener, AddressOf(path), 110));
        Demand(Listen(listener, 16));
        return listener;
    }

    public static int Connect(string path)
    {
        var socket = Demand(Socket(1, 1 | CloseOnExec, 0));
        Demand(Connect(socket, AddressOf(path), 110));
        return socket;
    }

    public static void WriteByte(int descriptor) => Demand((int)Write(descriptor, [1], 1));

    [LibraryImport("libc.so.6", EntryPoint = "close")]
    public static partial int Close(int descriptor);

    [LibraryImport("libc.so.6", EntryPoint = "gettid")]
    public static partial int GetThreadId();

    [LibraryImport("libc.so.6", EntryPoint = "tgkill")]
    public static partial int SignalThread(int process, int thread, int signal);

    private static byte[] AddressOf(string path)
    {
        // struct sockaddr_un: a 16-bit family, then 108 bytes of path.
        var address = new byte[110];
        address[0] = 1;
        Encoding.UTF8.GetBytes(path).CopyTo(address, 2);
        return address;
    }

    private static int Demand(int result) => result >= 0 ? result : throw new IOException(Marshal.GetLastPInvokeErrorMessage());

    [LibraryImport("libc.so.6", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, int mode);

    [LibraryImport("libc.so.6", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int domain, int type, int protocol, Span<int> pair);

    [LibraryImport("libc.so.6", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int domain, int type, int protocol);

    [LibraryImport("libc.so.6", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(int socket, byte[] address, int length);

    [LibraryImport("libc.so.6", EntryPoint = "listen", SetLastError = true)]
    private static partial int Listen(int socket, int backlog);

    [LibraryImport("libc.so.6", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(int socket, byte[] address, int length);

    [LibraryImport("libc.so.6", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, byte[] data, nint length);
}
