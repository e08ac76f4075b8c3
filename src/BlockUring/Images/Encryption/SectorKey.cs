using System.Security.Cryptography;

namespace BlockUring.Images.Encryption;

/// <summary>A key and how it is used. Whoever makes it disposes of it, which blots the key out.</summary>
/// <param name="spec">How.</param>
/// <param name="key"><see cref="CipherSpec.KeyLength"/> bytes, owned from now on.</param>
internal sealed class SectorKey(CipherSpec spec, byte[] key) : IDisposable
{
    /// <summary>The key itself.</summary>
    public ReadOnlySpan<byte> Bytes => key;

    /// <summary>A cipher of its own for each that runs at the same time as others.</summary>
    public SectorCipher CreateCipher() => new(spec, key);

    public void Dispose() => CryptographicOperations.ZeroMemory(key);
}
