namespace BlockUring.Native.Channels;

/// <summary>Why a secure connection was not made, in the words of QEMU and GnuTLS where they have some.</summary>
internal static class TlsMessages
{
    /// <summary>How the library writes names: as RFC 4514 says (XN_FLAG_RFC2253), but with UTF-8 as it is.</summary>
    public const ulong NameFormat = 0x1110317 & ~0x4UL;

    /// <summary>What is wrong with the peer's certificate; null when it is not the reason.</summary>
    /// <param name="code">X509_V_*, x509_vfy.h.</param>
    /// <param name="hostName">Whom it should be made out to.</param>
    public static string? OfVerification(int code, string? hostName) => code switch
    {
        0 => null,
        9 => "The certificate is not yet activated",
        10 => "The certificate has expired",
        2 or 18 or 19 or 20 or 21 => "The certificate hasn't got a known issuer",
        23 => "The certificate has been revoked",
        62 or 64 => $"Certificate does not match the hostname {hostName}",
        66 or 67 or 68 => "The certificate uses an insecure algorithm",
        _ => "The certificate is not trusted",
    };

    /// <summary>What ended a handshake.</summary>
    /// <param name="reason">The library's word for it.</param>
    public static string OfFailure(string reason) => reason switch
    {
        "wrong version number" or "packet length too long" or "http request" or "https proxy request" => "The peer does not speak TLS",
        "peer did not return a certificate" => "No certificate was found.",
        "no shared cipher" or "no suitable signature algorithm" => "Could not negotiate a supported cipher suite.",
        "psk identity not found" or "unknown psk identity" => "The user is not known",
        "decryption failed or bad record mac" or "binder does not verify" or "bad psk" => "The keys do not match",
        _ => reason,
    };
}
