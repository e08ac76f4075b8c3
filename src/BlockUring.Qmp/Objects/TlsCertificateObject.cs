using System.Text.Json;
using BlockUring.Native.Channels;

namespace BlockUring.Qmp.Objects;

/// <summary>Certificates, in files of fixed names.</summary>
internal sealed class TlsCertificateObject(string id, JsonElement options) : TlsCredentials(QomType.TlsCredsX509, id, options)
{
    private const string AuthorityFile = "ca-cert.pem";
    private const string RevocationFile = "ca-crl.pem";

    private readonly bool isChecked = !options.TryGetProperty("sanity-check", out var check) || check.GetBoolean();
    private readonly string? passwordId = TextOf(options, "passwordid");

    /// <summary>What such objects have.</summary>
    public static QomProperty[] PropertyList { get; } = PropertiesWith(
        new("sanity-check", "bool", n => JsonElement.Parse(((TlsCertificateObject)n).isChecked ? "true" : "false"), Refuse),
        new("passwordid", "string", n => QomProperty.Text(((TlsCertificateObject)n).passwordId ?? ""), Refuse));

    /// <inheritdoc/>
    protected override bool NeedsHostName => VerifiesPeer;

    /// <inheritdoc/>
    protected override async ValueTask<TlsContext> LoadAsync(MonitorContext context)
    {
        var side = IsServer ? "server" : "client";
        var (certificateFile, keyFile) = ($"{side}-cert.pem", $"{side}-key.pem");
        var authorities = await ReadAsync(context, AuthorityFile);
        var revocations = await TryReadAsync(context, RevocationFile);
        var certificate = IsServer ? await ReadAsync(context, certificateFile) : await TryReadAsync(context, certificateFile);
        var key = IsServer ? await ReadAsync(context, keyFile) : await TryReadAsync(context, keyFile);

        // A client without both shows nothing of itself.
        if (certificate == null || key == null)
            (certificate, key) = (null, null);
        if (isChecked)
        {
            var now = context.Scheduler.Time.GetUtcNow();
            new CertificateCheck(IsServer, PathOf(certificateFile), PathOf(AuthorityFile), now).Run(certificate, authorities);
        }

        var settings = new TlsSettings
        {
            IsServer = IsServer,
            Kind = TlsKind.Certificates,
            VerifiesPeer = VerifiesPeer,
            Authorities = authorities,
            Revocations = revocations,
            Certificate = certificate,
            Key = key,
            Password = passwordId == null ? null : PasswordOf(SecretObject.KeyOf(context, passwordId)),
        };
        try
        {
            return new TlsContext(settings);
        }
        catch (TlsException e)
        {
            throw new QmpException($"Cannot load certificate '{PathOf(certificateFile)}' & key '{PathOf(keyFile)}': {e.Message}");
        }
    }

    private static void Refuse(QomNode node, JsonElement value) => throw new QmpException("Property cannot be set after initialization");
}
