using System.Text.Json;

namespace BlockUring.Qmp.Channels;

/// <summary>Reads a ChardevBackend of the definition: what chardev-add makes.</summary>
internal static class ChardevBackend
{
    private static readonly string[] Unsupported = ["telnet", "tn3270", "websocket", "tls-creds", "tls-authz"];

    /// <summary>Reads and checks it.</summary>
    /// <param name="id">Of the device.</param>
    /// <param name="backend">Is as defined.</param>
    /// <exception cref="Storage.BlockException">Something does not go together, or there is no such thing here.</exception>
    public static ChardevOptions Read(string id, JsonElement backend)
    {
        var data = backend.GetProperty("data");
        var options = new ChardevOptions
        {
            Backend = backend.GetProperty("type").GetString()!,
            Id = id,
            Path = Text(data, "out") ?? Text(data, "device"),
            InputPath = Text(data, "in"),
            Appends = IsTrue(data, "append"),
            RingBytes = data.TryGetProperty("size", out var size) ? size.GetInt64() : 0,
            LogPath = Text(data, "logfile"),
            AppendsToLog = IsTrue(data, "logappend"),
        };
        return (options.Backend == "socket" ? Socket(options, data) : options).Check();
    }

    // Why a device never waits here: the daemon would do nothing else until a client comes. It takes its client when there is one.
    private static ChardevOptions Socket(ChardevOptions options, JsonElement data)
    {
        foreach (var name in Unsupported)
        {
            if (data.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.False)
                throw ChardevOptions.Invalid($"'{name}' is not supported");
        }

        var address = data.GetProperty("addr");
        var place = address.GetProperty("data");
        if (IsTrue(place, "abstract"))
            throw ChardevOptions.Invalid("'abstract' is not supported");
        var kind = address.GetProperty("type").GetString();
        var isServer = !data.TryGetProperty("server", out var server) || server.GetBoolean();
        return options with
        {
            Path = Text(place, "path"),
            Host = Text(place, "host"),
            Port = kind == "inet" ? ChardevText.PortOf(Text(place, "port")!) : 0,
            Descriptor = kind == "fd" ? ChardevText.DescriptorOf(Text(place, "str")) : -1,
            IsServer = isServer,
            Waits = data.TryGetProperty("wait", out _) ? false : null,
            ReconnectSeconds = data.TryGetProperty("reconnect", out var seconds) ? ChardevText.SecondsOf(seconds.GetInt64()) : 0,
            HasNoDelay = IsTrue(data, "nodelay"),
        };
    }

    private static string? Text(JsonElement data, string name) => data.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static bool IsTrue(JsonElement data, string name) => data.TryGetProperty(name, out var value) && value.GetBoolean();
}
