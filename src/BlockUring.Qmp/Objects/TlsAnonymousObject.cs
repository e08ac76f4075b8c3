using System.Text.Json;
using BlockUring.Native.Channels;

namespace BlockUring.Qmp.Objects;

/// <summary>Encryption without knowing the peer.</summary>
internal sealed class TlsAnonymousObject(string id, JsonElement options) : TlsCredentials(QomType.TlsCredsAnon, id, options)
{
    /// <summary>What such objects have.</summary>
    public static QomProperty[] PropertyList { get; } = PropertiesWith();

    /// <inheritdoc/>
    protected override ValueTask<TlsContext> LoadAsync(MonitorContext context) =>
        new(new TlsContext(new() { IsServer = IsServer, Kind = TlsKind.Anonymous }));
}
