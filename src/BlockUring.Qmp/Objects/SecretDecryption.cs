using System.Security.Cryptography;
using System.Text;

namespace BlockUring.Qmp.Objects;

/// <summary>Secrets that another secret protects: AES-256 in CBC mode, with the number of padding bytes in the last one.</summary>
internal static class SecretDecryption
{
    private const int KeyBytes = 32;
    private const int BlockBytes = 16;

    /// <summary>Decrypts.</summary>
    /// <param name="key">32 bytes.</param>
    /// <param name="iv">16 bytes in base64; null when none was given.</param>
    /// <param name="format">"raw" or "base64": what <paramref name="given"/> is.</param>
    /// <param name="given">The encrypted secret.</param>
    /// <exception cref="QmpException">Something is no key, no initialization vector or no secret; in QEMU's words.</exception>
    public static byte[] Run(byte[] key, string? iv, string format, byte[] given)
    {
        if (key.Length != KeyBytes)
            throw new QmpException("Key should be 32 bytes in length");
        if (iv == null)
            throw new QmpException("IV is required to decrypt secret");
        var vector = Base64Text.Decode(Encoding.UTF8.GetBytes(iv));
        if (vector.Length != BlockBytes)
            throw new QmpException($"IV should be {BlockBytes} bytes in length not {vector.Length}");
        var encrypted = format == "base64" ? Base64Text.Decode(given) : given;
        if (encrypted.Length % BlockBytes != 0)
            throw new QmpException($"Length {encrypted.Length} must be a multiple of block size {BlockBytes}");
        using var cipher = Aes.Create();
        cipher.Key = key;
        var plain = cipher.DecryptCbc(encrypted, vector, PaddingMode.None);
        return plain.Length == 0 ? plain : WithoutPadding(plain);
    }

    private static byte[] WithoutPadding(byte[] plain)
    {
        var count = plain[^1];
        if (count > BlockBytes)
            throw new QmpException($"Incorrect number of padding bytes ({count}) found on decrypted data");
        return plain[..^count];
    }
}
