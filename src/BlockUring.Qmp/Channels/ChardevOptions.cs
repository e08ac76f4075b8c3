using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Qmp.Channels;

/// <summary>What a character device is to be, checked, with QEMU's errors.</summary>
public sealed record ChardevOptions
{
    // What one daemon may reasonably keep in memory of a log.
    private const int MaxRingBytes = 64 << 20;

    // What struct sockaddr_un holds, less a zero byte.
    private const int MaxPathBytes = 107;

    /// <summary>The kinds of devices.</summary>
    public static IReadOnlyList<string> Backends { get; } = ["stdio", "socket", "null", "file", "pipe", "ringbuf", "memory"];

    /// <summary>One of <see cref="Backends"/>.</summary>
    public required string Backend { get; init; }

    /// <summary>The name that monitors use.</summary>
    public required string Id { get; init; }

    /// <summary>The unix socket, the file, or the pipe; null for another kind of address.</summary>
    public string? Path { get; init; }

    /// <summary>The file that is read; null for none.</summary>
    public string? InputPath { get; init; }

    /// <summary>Whether a file is appended to; otherwise what it held is thrown away.</summary>
    public bool Appends { get; init; }

    /// <summary>Bytes that a ring keeps: a power of two; 0 for the default.</summary>
    public long RingBytes { get; init; }

    /// <summary>The host of a TCP socket, "" for all addresses.</summary>
    public string? Host { get; init; }

    /// <summary>The port of a TCP socket.</summary>
    public int Port { get; init; }

    /// <summary>A socket that was handed to this process; -1 when there is none.</summary>
    public int Descriptor { get; init; } = -1;

    /// <summary>Whether clients connect to it; otherwise it connects to one.</summary>
    public bool IsServer { get; init; }

    /// <summary>Whether the start waits for the first client; null where that was not said.</summary>
    public bool? Waits { get; init; }

    /// <summary>Seconds after which a lost connection to a server is made again; 0 for never.</summary>
    public long ReconnectSeconds { get; init; }

    /// <summary>Whether small messages are sent at once over TCP.</summary>
    public bool HasNoDelay { get; init; } = true;

    /// <summary>The file that keeps what is sent; null for none.</summary>
    public string? LogPath { get; init; }

    /// <summary>Whether that file is appended to.</summary>
    public bool AppendsToLog { get; init; }

    /// <summary>Holds what was said against what goes together.</summary>
    /// <returns>These options.</returns>
    /// <exception cref="BlockException">Something does not.</exception>
    public ChardevOptions Check()
    {
        var isSocket = Backend == "socket";
        if (isSocket && IsServer && ReconnectSeconds > 0)
            throw Invalid("'reconnect' option is incompatible with socket in server listen mode");
        if (isSocket && !IsServer && Waits != null)
            throw Invalid("'wait' option is incompatible with socket in client connect mode");
        if (isSocket && Path != null && System.Text.Encoding.UTF8.GetByteCount(Path) is 0 or > MaxPathBytes)
            throw Invalid(Path!.Length == 0 ? "chardev: socket: no path given" : $"UNIX socket path '{Path}' is too long");
        if (RingBytes != 0 && (RingBytes < 0 || (RingBytes & (RingBytes - 1)) != 0))
            throw Invalid("size of ringbuf chardev must be power of two");
        if (RingBytes > MaxRingBytes)
            throw Invalid($"size of ringbuf chardev must not be larger than {MaxRingBytes}");
        return this;
    }

    /// <summary>Parses what --chardev says: `socket,id=ID,path=PATH,server=on,wait=off` and the like.</summary>
    /// <exception cref="BlockException">It is wrong.</exception>
    public static ChardevOptions Parse(string text) => ChardevText.Parse(text);

    internal static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message, Errno.EINVAL);
}
