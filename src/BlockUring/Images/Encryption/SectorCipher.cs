using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace BlockUring.Images.Encryption;

/// <summary>
/// Encrypts and decrypts sectors of 512 bytes, many at a time. The platform's AES does whole batches without chaining; what a mode adds (tweaks,
/// chaining, initialization vectors) is done here, over the batch.
/// </summary>
/// <remarks>
/// A call of the platform's AES costs about as much as encrypting two thousand bytes, so none is made for a sector alone. Not safe for
/// concurrent use.
/// </remarks>
internal sealed class SectorCipher : IDisposable
{
    /// <summary>Bytes of a sector.</summary>
    public const int SectorLength = 512;

    private const int BlockLength = 16;
    private const int BlocksPerSector = SectorLength / BlockLength;

    // Why: data and tweaks of a batch stay in the processor's second cache together.
    private const int BatchSectors = 128;

    private readonly CipherSpec spec;
    private readonly Aes data;
    private readonly Aes? tweakCipher;
    private readonly Aes? ivCipher;
    private readonly byte[] vectors = new byte[BatchSectors * BlockLength];
    private readonly byte[] scratch = [];

    /// <summary>Makes a cipher.</summary>
    /// <param name="spec">How.</param>
    /// <param name="key"><see cref="CipherSpec.KeyLength"/> bytes; copied.</param>
    public SectorCipher(CipherSpec spec, ReadOnlySpan<byte> key)
    {
        this.spec = spec;
        data = Create(key[..spec.AlgorithmKeyLength]);
        if (spec.Mode == ChainMode.Xts)
            tweakCipher = Create(key[spec.AlgorithmKeyLength..]);
        if (spec is { IvGenerator: IvGenerator.Essiv, Mode: not ChainMode.Ecb })
            ivCipher = Create(CryptographicOperations.HashData(HashNames.Demand(spec.IvHash!), key));
        if (spec.Mode != ChainMode.Ecb)
            scratch = new byte[BatchSectors * SectorLength];
    }

    /// <summary>Encrypts whole sectors.</summary>
    /// <param name="source">The sectors.</param>
    /// <param name="destination">As long; the same memory or none of it.</param>
    /// <param name="firstSector">The number of the first sector.</param>
    public void Encrypt(ReadOnlySpan<byte> source, Span<byte> destination, long firstSector)
    {
        for (var at = 0; at < source.Length; at += BatchSectors * SectorLength)
        {
            var length = Math.Min(BatchSectors * SectorLength, source.Length - at);
            EncryptBatch(source.Slice(at, length), destination.Slice(at, length), firstSector + (at / SectorLength));
        }
    }

    /// <summary>Decrypts whole sectors in their place.</summary>
    /// <param name="sectors">The sectors.</param>
    /// <param name="firstSector">The number of the first sector.</param>
    public void Decrypt(Span<byte> sectors, long firstSector)
    {
        for (var at = 0; at < sectors.Length; at += BatchSectors * SectorLength)
        {
            var length = Math.Min(BatchSectors * SectorLength, sectors.Length - at);
            DecryptBatch(sectors.Slice(at, length), firstSector + (at / SectorLength));
        }
    }

    public void Dispose()
    {
        data.Dispose();
        tweakCipher?.Dispose();
        ivCipher?.Dispose();
        CryptographicOperations.ZeroMemory(scratch);
    }

    private static Aes Create(ReadOnlySpan<byte> key)
    {
        var cipher = Aes.Create();
        cipher.SetKey(key);
        return cipher;
    }

    private void EncryptBatch(ReadOnlySpan<byte> source, Span<byte> destination, long firstSector)
    {
        switch (spec.Mode)
        {
            case ChainMode.Xts:
                var tweaks = MakeTweaks(source.Length, firstSector);
                Xor(source, tweaks, destination);
                data.EncryptEcb(destination, destination, PaddingMode.None);
                Xor(destination, tweaks, destination);
                break;
            case ChainMode.Cbc:
                EncryptChained(source, destination, firstSector);
                break;
            case ChainMode.Ctr:
                Xor(source, MakeKeyStream(source.Length, firstSector), destination);
                break;
            default:
                data.EncryptEcb(source, destination, PaddingMode.None);
                break;
        }
    }

    private void DecryptBatch(Span<byte> sectors, long firstSector)
    {
        switch (spec.Mode)
        {
            case ChainMode.Xts:
                var tweaks = MakeTweaks(sectors.Length, firstSector);
                Xor(sectors, tweaks, sectors);
                data.DecryptEcb(sectors, sectors, PaddingMode.None);
                Xor(sectors, tweaks, sectors);
                break;
            case ChainMode.Cbc:
                DecryptChained(sectors, firstSector);
                break;
            case ChainMode.Ctr:
                Xor(sectors, MakeKeyStream(sectors.Length, firstSector), sectors);
                break;
            default:
                data.DecryptEcb(sectors, sectors, PaddingMode.None);
                break;
        }
    }

    // The n-th blocks of all sectors in one go: a block needs only the one before it in its own sector.
    private void EncryptChained(ReadOnlySpan<byte> source, Span<byte> destination, long firstSector)
    {
        var count = source.Length / SectorLength;
        var column = MakeVectors(count, firstSector);
        for (var block = 0; block < BlocksPerSector; block++)
        {
            for (var sector = 0; sector < count; sector++)
            {
                var at = (sector * SectorLength) + (block * BlockLength);
                XorBlock(column.Slice(sector * BlockLength, BlockLength), source.Slice(at, BlockLength));
            }

            data.EncryptEcb(column, column, PaddingMode.None);
            for (var sector = 0; sector < count; sector++)
            {
                var at = (sector * SectorLength) + (block * BlockLength);
                column.Slice(sector * BlockLength, BlockLength).CopyTo(destination.Slice(at, BlockLength));
            }
        }
    }

    private void DecryptChained(Span<byte> sectors, long firstSector)
    {
        // What each block is combined with: the initialization vector, then the encrypted blocks but for the last.
        var before = scratch.AsSpan(0, sectors.Length);
        sectors[..^BlockLength].CopyTo(before[BlockLength..]);
        var iv = MakeVectors(sectors.Length / SectorLength, firstSector);
        for (var at = 0; at < sectors.Length; at += SectorLength)
            iv.Slice(at / BlocksPerSector, BlockLength).CopyTo(before[at..]);
        data.DecryptEcb(sectors, sectors, PaddingMode.None);
        Xor(sectors, before, sectors);
    }

    // The initialization vectors of sectors, one after the other.
    private Span<byte> MakeVectors(int count, long firstSector)
    {
        var made = vectors.AsSpan(0, count * BlockLength);
        for (var i = 0; i < count; i++)
        {
            var number = (ulong)(firstSector + i);
            if (spec.IvGenerator == IvGenerator.Plain)
                number = (uint)number;
            BinaryPrimitives.WriteUInt64LittleEndian(made[(i * BlockLength)..], number);
            BinaryPrimitives.WriteUInt64LittleEndian(made[((i * BlockLength) + 8)..], 0);
        }

        ivCipher?.EncryptEcb(made, made, PaddingMode.None);
        return made;
    }

    // Counters that start at the sectors' vectors, taken as numbers whose first byte is the highest; encrypted.
    private Span<byte> MakeKeyStream(int length, long firstSector)
    {
        var first = MakeVectors(length / SectorLength, firstSector);
        var stream = scratch.AsSpan(0, length);
        for (var at = 0; at < length; at += BlockLength)
        {
            var start = BinaryPrimitives.ReadUInt128BigEndian(first[(at / SectorLength * BlockLength)..]);
            BinaryPrimitives.WriteUInt128BigEndian(stream[at..], start + (UInt128)(at % SectorLength / BlockLength));
        }

        data.EncryptEcb(stream, stream, PaddingMode.None);
        return stream;
    }

    // What the blocks of a batch are combined with, before and after: for each sector its encrypted vector, then that times x, times x squared …
    // in the field of 2^128 elements of IEEE 1619.
    private Span<byte> MakeTweaks(int length, long firstSector)
    {
        var first = MakeVectors(length / SectorLength, firstSector);
        tweakCipher!.EncryptEcb(first, first, PaddingMode.None);
        var tweaks = scratch.AsSpan(0, length);
        for (var at = 0; at < length; at += SectorLength)
            Expand(first.Slice(at / BlocksPerSector, BlockLength), tweaks.Slice(at, SectorLength));
        return tweaks;
    }

    private static void Expand(ReadOnlySpan<byte> first, Span<byte> tweaks)
    {
        var low = BinaryPrimitives.ReadUInt64LittleEndian(first);
        var high = BinaryPrimitives.ReadUInt64LittleEndian(first[8..]);
        for (var at = 0; at + BlockLength <= tweaks.Length; at += BlockLength)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(tweaks[at..], low);
            BinaryPrimitives.WriteUInt64LittleEndian(tweaks[(at + 8)..], high);
            var overflow = (ulong)((long)high >> 63) & 0x87;
            high = (high << 1) | (low >> 63);
            low = (low << 1) ^ overflow;
        }
    }

    // All lengths are multiples of a sector, so nothing is left over.
    private static void Xor(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, Span<byte> result)
    {
        var first = MemoryMarshal.Cast<byte, Vector<byte>>(a);
        var second = MemoryMarshal.Cast<byte, Vector<byte>>(b)[..first.Length];
        var combined = MemoryMarshal.Cast<byte, Vector<byte>>(result)[..first.Length];
        for (var i = 0; i < first.Length; i++)
            combined[i] = first[i] ^ second[i];
    }

    private static void XorBlock(Span<byte> block, ReadOnlySpan<byte> other)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(block);
        var others = MemoryMarshal.Cast<byte, ulong>(other);
        words[0] ^= others[0];
        words[1] ^= others[1];
    }
}
