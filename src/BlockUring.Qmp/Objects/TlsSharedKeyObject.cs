using System.Text;
using System.Text.Json;
using BlockUring.Native.Channels;

namespace BlockUring.Qmp.Objects;

/// <summary>Keys that both sides have, in the file that psktool makes: lines of a user's name, a colon, and a key in hexadecimal digits.</summary>
internal sealed class TlsSharedKeyObject(string id, JsonElement options) : TlsCredentials(QomType.TlsCredsPsk, id, options)
{
    private const string FileName = "keys.psk";
    private const string DefaultUser = "qemu";

    private string? user = TextOf(options, "username");

    /// <summary>What such objects have.</summary>
    public static QomProperty[] PropertyList { get; } = PropertiesWith(
        new QomProperty(
            "username",
            "string",
            n => QomProperty.Text(((TlsSharedKeyObject)n).user ?? ""),
            (n, value) => ((TlsSharedKeyObject)n).user = QomProperty.TextOf("username", value)));

    /// <inheritdoc/>
    protected override async ValueTask<TlsContext> LoadAsync(MonitorContext context)
    {
        _ = PathOf(FileName);
        if (IsServer && user != null)
            throw new QmpException("username should not be set when endpoint=server");
        var text = Encoding.UTF8.GetString(await ReadAsync(context, FileName));
        var lines = text.Split('\n').Select(l => l.TrimEnd('\r').Split(':', 2)).Where(l => l.Length == 2);
        var keys = IsServer ? AllOf(lines) : OneOf(lines);
        return new(new() { IsServer = IsServer, Kind = TlsKind.SharedKeys, SharedKeys = keys });
    }

    // A line that is wrong keeps its user out and nobody else.
    private static Dictionary<string, byte[]> AllOf(IEnumerable<string[]> lines)
    {
        var keys = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var line in lines)
        {
            if (TryParse(line[1]) is { } key)
                _ = keys.TryAdd(line[0], key);
        }

        return keys;
    }

    private Dictionary<string, byte[]> OneOf(IEnumerable<string[]> lines)
    {
        var name = user ?? DefaultUser;
        var line = lines.FirstOrDefault(l => l[0] == name) ?? throw new QmpException($"Username {name} not found in PSK file {PathOf(FileName)}");
        var key = TryParse(line[1]) ?? throw new QmpException("Cannot set PSK client credentials: Error in parsing.");
        return new(StringComparer.Ordinal) { [name] = key };
    }

    private static byte[]? TryParse(string digits)
    {
        try
        {
            return digits.Length > 0 ? Convert.FromHexString(digits.Trim()) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
