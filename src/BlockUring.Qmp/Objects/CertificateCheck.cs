using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace BlockUring.Qmp.Objects;

/// <summary>Finds certificates that no peer would accept before there is one, in QEMU's words.</summary>
/// <param name="isServer">Whether the certificate is a server's.</param>
/// <param name="certificatePath">Its file, for messages.</param>
/// <param name="authorityPath">The file of those who sign, for messages.</param>
/// <param name="now">When they must be valid.</param>
internal sealed class CertificateCheck(bool isServer, string certificatePath, string authorityPath, DateTimeOffset now)
{
    /// <summary>Checks them.</summary>
    /// <param name="certificate">PEM; null for none.</param>
    /// <param name="authorities">PEM.</param>
    /// <exception cref="QmpException">What is wrong.</exception>
    public void Run(byte[]? certificate, byte[] authorities)
    {
        var own = certificate == null ? null : Import(certificate, $"Unable to import {Side} certificate {certificatePath}");
        var trusted = Import(authorities, $"Unable to import CA certificate list {authorityPath}");
        if (own != null)
            CheckOwn(own[0]);
        foreach (var authority in trusted)
            CheckAuthority(authority);
        if (own != null)
            CheckPair(own, trusted);
    }

    private string Side => isServer ? "server" : "client";

    private static X509Certificate2Collection Import(byte[] pem, string failure)
    {
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPem(Encoding.ASCII.GetString(pem));
        }
        catch (CryptographicException)
        {
            throw new QmpException(failure);
        }

        return found.Count > 0 ? found : throw new QmpException(failure);
    }

    private void CheckOwn(X509Certificate2 certificate)
    {
        CheckTimes(certificate, Side, certificatePath);
        if (Find<X509BasicConstraintsExtension>(certificate) is { CertificateAuthority: true })
            throw new QmpException($"The certificate {certificatePath} basic constraints show a CA, but we need one for a {Side}");
        if (Find<X509KeyUsageExtension>(certificate) is { Critical: true } usage && !usage.KeyUsages.HasFlag(X509KeyUsageFlags.DigitalSignature))
            throw new QmpException($"Certificate {certificatePath} usage does not permit digital signature");
        var purpose = isServer ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2";
        if (Find<X509EnhancedKeyUsageExtension>(certificate) is { Critical: true } purposes && purposes.EnhancedKeyUsages[purpose] == null)
            throw new QmpException($"Certificate {certificatePath} purpose does not allow use with a TLS {Side}");
    }

    private void CheckAuthority(X509Certificate2 certificate)
    {
        CheckTimes(certificate, "CA", authorityPath);
        if (Find<X509BasicConstraintsExtension>(certificate) is not { CertificateAuthority: true })
            throw new QmpException($"The certificate {authorityPath} basic constraints do not show a CA");
        if (Find<X509KeyUsageExtension>(certificate) is { Critical: true } usage && !usage.KeyUsages.HasFlag(X509KeyUsageFlags.KeyCertSign))
            throw new QmpException($"Certificate {authorityPath} usage does not permit certificate signing");
    }

    private void CheckTimes(X509Certificate2 certificate, string kind, string path)
    {
        if (certificate.NotAfter < now)
            throw new QmpException($"The {kind} certificate {path} has expired");
        if (certificate.NotBefore > now)
            throw new QmpException($"The {kind} certificate {path} is not yet active");
    }

    private void CheckPair(X509Certificate2Collection own, X509Certificate2Collection trusted)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(trusted);
        chain.ChainPolicy.ExtraStore.AddRange(own);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        if (chain.Build(own[0]))
            return;

        // One in between who is named as an authority is trusted, whoever signed for him.
        var isTrusted = Array.TrueForAll(chain.ChainStatus, s => s.Status == X509ChainStatusFlags.PartialChain)
            && trusted.Any(t => chain.ChainElements.Any(e => e.Certificate.RawData.AsSpan().SequenceEqual(t.RawData)));
        if (!isTrusted)
            throw new QmpException($"Our own certificate {certificatePath} failed validation against {authorityPath}: The certificate hasn't got a known issuer");
    }

    private static T? Find<T>(X509Certificate2 certificate)
        where T : X509Extension => certificate.Extensions.OfType<T>().FirstOrDefault();
}
