using System.Buffers.Binary;
using System.Security.Cryptography;

namespace BlockUring.Images.Encryption;

/// <summary>
/// Splits a key into many parts all of which are needed to put it together again, so that losing any of them is losing the key (LUKS On-Disk
/// Format Specification, "AFsplit").
/// </summary>
internal static class AntiForensics
{
    private const int MaxDigestLength = 64;

    /// <summary>Splits a key.</summary>
    /// <param name="hash">Mixes the parts.</param>
    /// <param name="key">The key.</param>
    /// <param name="parts">Receives the parts: a multiple of the key's length.</param>
    public static void Split(HashAlgorithmName hash, ReadOnlySpan<byte> key, Span<byte> parts)
    {
        RandomNumberGenerator.Fill(parts[..^key.Length]);
        var last = parts[^key.Length..];
        Mix(hash, parts[..^key.Length], last);
        Xor(last, key);
    }

    /// <summary>Puts a key together.</summary>
    /// <param name="hash">Mixes the parts.</param>
    /// <param name="parts">The parts.</param>
    /// <param name="key">Receives the key.</param>
    public static void Merge(HashAlgorithmName hash, ReadOnlySpan<byte> parts, Span<byte> key)
    {
        Mix(hash, parts[..^key.Length], key);
        Xor(key, parts[^key.Length..]);
    }

    private static void Mix(HashAlgorithmName hash, ReadOnlySpan<byte> parts, Span<byte> mixed)
    {
        mixed.Clear();
        for (var at = 0; at < parts.Length; at += mixed.Length)
        {
            Xor(mixed, parts.Slice(at, mixed.Length));
            Diffuse(hash, mixed);
        }
    }

    // Each piece of a digest's length becomes the digest of its number and itself; the last piece as much of it as there is room.
    private static void Diffuse(HashAlgorithmName hash, Span<byte> block)
    {
        Span<byte> input = stackalloc byte[sizeof(uint) + MaxDigestLength];
        Span<byte> digest = stackalloc byte[MaxDigestLength];
        var digestLength = HashNames.DigestLength(hash.Name!.ToLowerInvariant());
        for (int at = 0, index = 0; at < block.Length; at += digestLength, index++)
        {
            var piece = block.Slice(at, Math.Min(digestLength, block.Length - at));
            BinaryPrimitives.WriteInt32BigEndian(input, index);
            piece.CopyTo(input[sizeof(uint)..]);
            CryptographicOperations.HashData(hash, input[..(sizeof(uint) + piece.Length)], digest);
            digest[..piece.Length].CopyTo(piece);
        }
    }

    private static void Xor(Span<byte> target, ReadOnlySpan<byte> other)
    {
        for (var i = 0; i < target.Length; i++)
            target[i] ^= other[i];
    }
}
