using System.Security.Cryptography;

namespace BlockUring.Images.Encryption;

/// <summary>Hash algorithms by the names that headers and options have for them.</summary>
internal static class HashNames
{
    // All that QEMU knows; it, too, can use only those that its libraries have.
    private static readonly string[] Known = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160"];

    /// <summary>Whether a name is that of a hash algorithm, usable here or not.</summary>
    public static bool IsKnown(string name) => Array.IndexOf(Known, name) >= 0;

    /// <summary>The algorithm of a name.</summary>
    /// <exception cref="Storage.BlockException">The platform has none of that name.</exception>
    public static HashAlgorithmName Demand(string name) => name switch
    {
        "sha1" => HashAlgorithmName.SHA1,
        "sha256" => HashAlgorithmName.SHA256,
        "sha384" => HashAlgorithmName.SHA384,
        "sha512" => HashAlgorithmName.SHA512,
        _ => throw EncryptionErrors.Unsupported($"PBKDF does not support hash algorithm {name}"),
    };

    /// <summary>Bytes of a digest.</summary>
    public static int DigestLength(string name) => name switch
    {
        "md5" => 16,
        "sha1" or "ripemd160" => 20,
        "sha224" => 28,
        "sha256" => 32,
        "sha384" => 48,
        _ => 64,
    };
}
