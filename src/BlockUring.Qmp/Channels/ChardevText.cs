using BlockUring.Images;

namespace BlockUring.Qmp.Channels;

/// <summary>Reads `--chardev BACKEND,id=ID,…`.</summary>
internal static class ChardevText
{
    private static readonly string[] CommonKeys = ["mux", "logfile", "logappend"];

    private static readonly string[] SocketKeys =
        ["path", "host", "port", "fd", "server", "wait", "nodelay", "ipv4", "ipv6", "to", "reconnect", "telnet", "websocket", "abstract", "tight"];

    /// <summary>Parses and checks it.</summary>
    /// <exception cref="Storage.BlockException">It is wrong.</exception>
    public static ChardevOptions Parse(string text)
    {
        Dictionary<string, string> values = new(StringComparer.Ordinal);
        foreach (var (key, value) in OptionTree.SplitKeyValues(text))
            Add(values, key, value);
        if (!values.Remove("id", out var id))
            throw ChardevOptions.Invalid("chardev: no id specified");
        if (!Identifier.IsOne(id))
            throw ChardevOptions.Invalid($"Parameter 'id' expects an identifier\n{Identifier.Hint}");
        if (!values.Remove("backend", out var backend))
            throw ChardevOptions.Invalid($"chardev: \"{id}\" missing backend");
        if (!ChardevOptions.Backends.Contains(backend))
            throw ChardevOptions.Invalid($"'{backend}' is not a valid char driver name");
        var unknown = values.Keys.FirstOrDefault(k => !CommonKeys.Contains(k) && !KeysOf(backend).Contains(k));
        if (unknown != null)
            throw ChardevOptions.Invalid($"Invalid parameter '{unknown}'");
        var options = backend switch
        {
            "socket" => Socket(id, values),
            "file" => File(id, values),
            _ => new ChardevOptions { Backend = backend, Id = id, Path = PathOf(backend, values), RingBytes = SizeOf(values) },
        };
        return (options with { LogPath = values.GetValueOrDefault("logfile"), AppendsToLog = BoolOf(values, "logappend") ?? false }).Check();
    }

    private static string[] KeysOf(string backend) => backend switch
    {
        "socket" => SocketKeys,
        "stdio" => ["signal"],
        "file" => ["path", "append"],
        "pipe" => ["path"],
        "ringbuf" or "memory" => ["size"],
        _ => [],
    };

    // The first word without a value is the backend; a later one is a switch.
    private static void Add(Dictionary<string, string> values, string key, string? value)
    {
        if (value == null && values.Count == 0)
            values["backend"] = key;
        else
            values[key] = value ?? "on";
    }

    private static ChardevOptions File(string id, Dictionary<string, string> values) => new()
    {
        Backend = "file",
        Id = id,
        Path = values.GetValueOrDefault("path") ?? throw ChardevOptions.Invalid("chardev: file: no filename given"),
        Appends = BoolOf(values, "append") ?? false,
    };

    private static ChardevOptions Socket(string id, Dictionary<string, string> values)
    {
        foreach (var unsupported in new[] { "telnet", "websocket", "abstract" })
        {
            if (BoolOf(values, unsupported) ?? false)
                throw ChardevOptions.Invalid($"chardev: socket: '{unsupported}' is not supported");
        }

        var (path, host) = (values.GetValueOrDefault("path"), values.GetValueOrDefault("host"));
        var isServer = BoolOf(values, "server") ?? false;
        if (path != null && values.ContainsKey("fd"))
            throw ChardevOptions.Invalid("None or one of 'path' and 'fd' option required.");
        var isTcp = path == null && (host != null || values.ContainsKey("port"));
        if (isTcp && !values.ContainsKey("port"))
            throw ChardevOptions.Invalid("chardev: socket: no port given");
        return new()
        {
            Backend = "socket",
            Id = id,
            Path = path,
            Host = isTcp ? host ?? "" : null,
            Port = isTcp ? PortOf(values["port"]) : 0,
            Descriptor = path == null && !isTcp ? DescriptorOf(values.GetValueOrDefault("fd")) : -1,
            IsServer = isServer,
            Waits = BoolOf(values, "wait") ?? (isServer ? true : null),
            ReconnectSeconds = values.TryGetValue("reconnect", out var text) ? SecondsOf((long)OptionText.ParseNumber("reconnect", text)) : 0,
            HasNoDelay = BoolOf(values, "nodelay") ?? true,
        };
    }

    /// <summary>Seconds as they are given, within what a timer takes.</summary>
    public static long SecondsOf(long seconds) => Math.Clamp(seconds, 0, int.MaxValue);

    /// <summary>The number of a port.</summary>
    /// <exception cref="Storage.BlockException">It is none.</exception>
    public static int PortOf(string text) =>
        ushort.TryParse(text, out var port) ? port : throw ChardevOptions.Invalid($"address resolution failed for port '{text}'");

    /// <summary>The number of a descriptor.</summary>
    /// <exception cref="Storage.BlockException">It is none.</exception>
    public static int DescriptorOf(string? text) =>
        int.TryParse(text, out var descriptor) && descriptor >= 0 ? descriptor : throw ChardevOptions.Invalid($"Unable to parse FD number {text}");

    private static string? PathOf(string backend, Dictionary<string, string> values) =>
        values.GetValueOrDefault("path") ?? (backend == "pipe" ? throw ChardevOptions.Invalid("chardev: pipe: no device path given") : null);

    private static long SizeOf(Dictionary<string, string> values) => values.TryGetValue("size", out var text) ? OptionText.ParseSize("size", text) : 0;

    private static bool? BoolOf(Dictionary<string, string> values, string key) =>
        values.TryGetValue(key, out var text) ? OptionText.ParseBool(key, text) : null;
}
