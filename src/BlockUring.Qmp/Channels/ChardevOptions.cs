using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Qmp.Channels;

/// <summary>What --chardev says, checked, with QEMU's errors.</summary>
public sealed record ChardevOptions
{
    // What struct sockaddr_un holds, less a zero byte.
    private const int MaxPathBytes = 107;

    private static readonly string[] SocketKeys =
        ["path", "host", "port", "fd", "server", "wait", "nodelay", "ipv4", "ipv6", "to", "reconnect", "telnet", "websocket", "abstract", "tight", "mux"];

    /// <summary>The kinds of devices.</summary>
    public static IReadOnlyList<string> Backends { get; } = ["stdio", "socket", "null"];

    /// <summary>One of <see cref="Backends"/>.</summary>
    public required string Backend { get; init; }

    /// <summary>The name that monitors use.</summary>
    public required string Id { get; init; }

    /// <summary>The unix socket; null for another kind of address.</summary>
    public string? Path { get; init; }

    /// <summary>The host of a TCP socket, "" for all addresses.</summary>
    public string? Host { get; init; }

    /// <summary>The port of a TCP socket.</summary>
    public int Port { get; init; }

    /// <summary>A socket that was handed to this process; -1 when there is none.</summary>
    public int Descriptor { get; init; } = -1;

    /// <summary>Whether clients connect to it; otherwise it connects to one.</summary>
    public bool IsServer { get; init; }

    /// <summary>Whether the start waits for the first client.</summary>
    public bool Waits { get; init; }

    /// <summary>Whether small messages are sent at once over TCP.</summary>
    public bool HasNoDelay { get; init; } = true;

    /// <summary>Parses `socket,id=ID,path=PATH,server=on,wait=off` and the like.</summary>
    /// <exception cref="BlockException">It is wrong.</exception>
    public static ChardevOptions Parse(string text)
    {
        Dictionary<string, string> values = new(StringComparer.Ordinal);
        foreach (var (key, value) in OptionTree.SplitKeyValues(text))
            Add(values, key, value);
        if (!values.Remove("id", out var id))
            throw Invalid("chardev: no id specified");
        if (!values.Remove("backend", out var backend))
            throw Invalid($"chardev: \"{id}\" missing backend");
        if (!Backends.Contains(backend))
            throw Invalid($"'{backend}' is not a valid char driver name");
        var unknown = values.Keys.FirstOrDefault(k => !KeysOf(backend).Contains(k));
        if (unknown != null)
            throw Invalid($"Invalid parameter '{unknown}'");
        return backend == "socket" ? Socket(id, values) : new() { Backend = backend, Id = id };
    }

    private static string[] KeysOf(string backend) => backend switch
    {
        "socket" => SocketKeys,
        "stdio" => ["signal", "mux"],
        _ => ["mux"],
    };

    // The first word without a value is the backend; a later one is a switch.
    private static void Add(Dictionary<string, string> values, string key, string? value)
    {
        if (value == null && values.Count == 0)
            values["backend"] = key;
        else
            values[key] = value ?? "on";
    }

    private static ChardevOptions Socket(string id, Dictionary<string, string> values)
    {
        foreach (var unsupported in new[] { "telnet", "websocket", "abstract" })
        {
            if (values.TryGetValue(unsupported, out var text) && OptionText.ParseBool(unsupported, text))
                throw Invalid($"chardev: socket: '{unsupported}' is not supported");
        }

        var (path, host) = (values.GetValueOrDefault("path"), values.GetValueOrDefault("host"));
        var isServer = BoolOf(values, "server", false);
        if (isServer && values.ContainsKey("reconnect"))
            throw Invalid("'reconnect' option is incompatible with 'server' option");
        if (path != null && values.ContainsKey("fd"))
            throw Invalid("None or one of 'path' and 'fd' option required.");
        if (path != null && System.Text.Encoding.UTF8.GetByteCount(path) is 0 or > MaxPathBytes)
            throw Invalid(path!.Length == 0 ? "chardev: socket: no path given" : $"UNIX socket path '{path}' is too long");
        var isTcp = path == null && (host != null || values.ContainsKey("port"));
        if (isTcp && !values.ContainsKey("port"))
            throw Invalid("chardev: socket: no port given");
        return new()
        {
            Backend = "socket",
            Id = id,
            Path = path,
            Host = isTcp ? host ?? "" : null,
            Port = isTcp ? PortOf(values["port"]) : 0,
            Descriptor = path == null && !isTcp ? DescriptorOf(values.GetValueOrDefault("fd")) : -1,
            IsServer = isServer,
            Waits = isServer && BoolOf(values, "wait", true),
            HasNoDelay = BoolOf(values, "nodelay", true),
        };
    }

    private static bool BoolOf(Dictionary<string, string> values, string key, bool otherwise) =>
        values.TryGetValue(key, out var text) ? OptionText.ParseBool(key, text) : otherwise;

    private static int PortOf(string text) =>
        ushort.TryParse(text, out var port) ? port : throw Invalid($"address resolution failed for port '{text}'");

    private static int DescriptorOf(string? text) =>
        int.TryParse(text, out var descriptor) && descriptor >= 0 ? descriptor : throw Invalid($"Unable to parse FD number {text}");

    private static BlockException Invalid(string message) => new(BlockErrorKind.Invalid, message, Errno.EINVAL);
}
