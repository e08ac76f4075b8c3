using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using BlockUring.Native.Channels;

namespace BlockUring.NativeTests.Channels;

/// <summary>An authority and the certificates that it signs.</summary>
internal sealed class TestPki : IDisposable
{
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 authority;
    private int serial;

    public TestPki(string name = "Test CA")
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-3000), DateTimeOffset.UtcNow.AddDays(3000));
    }

    public byte[] Authority => Ascii(authority.ExportCertificatePem());

    /// <summary>A certificate and its key, as PEM.</summary>
    public (byte[] Certificate, byte[] Key) Issue(string name, bool forServer, string? host = null, int fromDay = -1, int toDay = 100, string? password = null)
    {
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name},O=Test Org", own, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment, true));
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid(forServer ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2")], false));
        if (host != null)
        {
            var names = new SubjectAlternativeNameBuilder();
            if (IPAddress.TryParse(host, out var address))
                names.AddIpAddress(address);
            else
                names.AddDnsName(host);
            request.CertificateExtensions.Add(names.Build());
        }

        var now = DateTimeOffset.UtcNow;
        using var made = request.Create(authority, now.AddDays(fromDay), now.AddDays(toDay), BitConverter.GetBytes(++serial));
        var parameters = new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000);
        var keyText = password == null ? own.ExportPkcs8PrivateKeyPem() : own.ExportEncryptedPkcs8PrivateKeyPem(password, parameters);
        return (Ascii(made.ExportCertificatePem()), Ascii(keyText));
    }

    public TlsContext Context(bool isServer, (byte[] Certificate, byte[] Key)? own = null, bool verifies = true, byte[]? authorities = null) => new(new TlsSettings
    {
        IsServer = isServer,
        Kind = TlsKind.Certificates,
        VerifiesPeer = verifies,
        Authorities = authorities ?? Authority,
        Certificate = own?.Certificate,
        Key = own?.Key,
    });

    public static TlsContext SharedKey(bool isServer, params (string User, byte[] Key)[] keys) => new(new TlsSettings
    {
        IsServer = isServer,
        Kind = TlsKind.SharedKeys,
        SharedKeys = keys.ToDictionary(k => k.User, k => k.Key),
    });

    public static TlsContext Anonymous(bool isServer) => new(new TlsSettings { IsServer = isServer, Kind = TlsKind.Anonymous });

    /// <summary>A folder as QEMU wants it: the authority, and one side's or both sides' certificates.</summary>
    public void WriteFolder(string folder, (byte[] Certificate, byte[] Key)? server, (byte[] Certificate, byte[] Key)? client)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, "ca-cert.pem"), Authority);
        foreach (var (name, pair) in new[] { ("server", server), ("client", client) })
        {
            if (pair is not { } own)
                continue;
            File.WriteAllBytes(Path.Combine(folder, $"{name}-cert.pem"), own.Certificate);
            File.WriteAllBytes(Path.Combine(folder, $"{name}-key.pem"), own.Key);
        }
    }

    public void Dispose()
    {
        authority.Dispose();
        key.Dispose();
    }

    private static byte[] Ascii(string text) => Encoding.ASCII.GetBytes(text + "\n");
}
