using System.Text.Json;
using BlockUring.Qmp.Channels;

namespace BlockUring.Qmp.Exports;

/// <summary>What an NBD server is to be.</summary>
/// <param name="Place">Where it listens.</param>
/// <param name="TlsCredentials">The id of an object; null for none.</param>
/// <param name="TlsAuthorization">The id of an object; null for none.</param>
/// <param name="MaxConnections">Clients at a time; 0 for no limit.</param>
public sealed record NbdServerSettings(ChardevOptions Place, string? TlsCredentials, string? TlsAuthorization, int MaxConnections)
{
    private const string Label = "nbd-server";

    /// <summary>Reads "NbdServerOptions" of the definition, which --nbd-server takes.</summary>
    /// <exception cref="Storage.BlockException">There is no such place here.</exception>
    public static NbdServerSettings OfOption(JsonElement options)
    {
        var address = options.GetProperty("addr");
        return Of(PlaceOf(address, address), options);
    }

    /// <summary>Reads what nbd-server-start takes.</summary>
    /// <param name="address">"SocketAddressLegacy" of the definition.</param>
    /// <param name="credentials">The id of an object; null for none.</param>
    /// <param name="authorization">The id of an object; null for none.</param>
    /// <param name="maxConnections">Clients at a time; 0 for no limit.</param>
    /// <exception cref="Storage.BlockException">There is no such place here.</exception>
    public static NbdServerSettings OfCommand(JsonElement address, string? credentials, string? authorization, long maxConnections)
    {
        // Why: descriptors are handed to a monitor under a name, and nobody hands any to this one.
        if (address.GetProperty("type").ValueEquals("fd"))
            throw ChardevOptions.Invalid("only QEMU supports file descriptor passing");
        return new(PlaceOf(address, address.GetProperty("data")), credentials, authorization, Bounded(maxConnections));
    }

    private static NbdServerSettings Of(ChardevOptions place, JsonElement options) => new(
        place,
        Text(options, "tls-creds"),
        Text(options, "tls-authz"),
        Bounded(options.TryGetProperty("max-connections", out var count) ? count.GetInt64() : 0));

    private static ChardevOptions PlaceOf(JsonElement address, JsonElement data)
    {
        if (data.TryGetProperty("abstract", out var isAbstract) && isAbstract.GetBoolean())
            throw ChardevOptions.Invalid("'abstract' is not supported");
        var place = new ChardevOptions { Backend = "socket", Id = Label, IsServer = true };
        return (address.GetProperty("type").GetString() switch
        {
            "inet" => place with { Host = Text(data, "host"), Port = ChardevText.PortOf(Text(data, "port")!) },
            "fd" => place with { Descriptor = ChardevText.DescriptorOf(Text(data, "str")) },
            _ => place with { Path = Text(data, "path") },
        }).Check();
    }

    private static int Bounded(long count) => (int)Math.Min(count, int.MaxValue);

    private static string? Text(JsonElement data, string name) => data.TryGetProperty(name, out var value) ? value.GetString() : null;
}
