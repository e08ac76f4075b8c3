using System.Buffers.Binary;
using System.Security.Cryptography;
using BlockUring.Images.Encryption;
using Xunit;

namespace BlockUring.Tests.Images.Encryption;

public sealed class SectorCipherTests
{
    private const int SectorLength = SectorCipher.SectorLength;

    // IEEE 1619-2007, Annex B: vectors 1 to 3 are shorter than a sector, of which they are the beginning; of 4 and 10 the beginning is here.
    [Theory]
    [InlineData("00", "00", 0, "00", "917cf69ebd68b2ec9b9fe9a3eadda692cd43d2f59598ed858c02c2652fbf922e")]
    [InlineData("11", "22", 0x3333333333, "44", "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0")]
    [InlineData(
        "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0", "22", 0x3333333333, "44", "af85336b597afc1a900b2eb21ec949d292df4c047e0b21532186a5971a227a89")]
    [InlineData(
        "27182818284590452353602874713526",
        "31415926535897932384626433832795",
        0,
        null,
        "27a7479befa1d476489f308cd4cfa6e2a96e4bbe3208ff25287dd3819616e89cc78cf7f5e543445f8333d8fa7f560000")]
    [InlineData(
        "2718281828459045235360287471352662497757247093699959574966967627",
        "3141592653589793238462643383279502884197169399375105820974944592",
        0xff,
        null,
        "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b")]
    public void Xts_is_that_of_the_standard(string dataKey, string tweakKey, long sector, string? plain, string expected)
    {
        var length = Math.Max(16, dataKey.Length / 2);
        byte[] key = [.. Repeated(dataKey, length), .. Repeated(tweakKey, length)];
        using var cipher = new SectorCipher(new CipherSpec("aes", length, ChainMode.Xts, IvGenerator.Plain64, null), key);
        var data = plain == null ? [.. Enumerable.Range(0, SectorLength).Select(i => (byte)i)] : Repeated(plain, SectorLength);
        var encrypted = new byte[SectorLength];
        cipher.Encrypt(data, encrypted, sector);
        Assert.Equal(expected, Convert.ToHexStringLower(encrypted)[..expected.Length]);
        cipher.Decrypt(encrypted, sector);
        Assert.Equal(data, encrypted);
    }

    [Theory]
    [InlineData(16, "plain")]
    [InlineData(24, "plain64")]
    [InlineData(32, "essiv")]
    public void Cbc_is_the_platforms_with_a_vector_for_each_sector(int keyLength, string ivGenerator)
    {
        const long first = (1L << 32) - 3;
        const int sectors = 131;
        var key = Numbered(keyLength, 7);
        var generator = CipherSpec.ParseIvGenerator(ivGenerator)!.Value;
        var hash = generator == IvGenerator.Essiv ? "sha256" : null;
        using var cipher = new SectorCipher(new CipherSpec("aes", keyLength, ChainMode.Cbc, generator, hash), key);
        var data = Numbered(sectors * SectorLength, 3);
        var encrypted = new byte[data.Length];
        cipher.Encrypt(data, encrypted, first);
        using var platform = Aes.Create();
        platform.Key = key;
        for (var i = 0; i < sectors; i++)
        {
            var expected = platform.EncryptCbc(data.AsSpan(i * SectorLength, SectorLength), Vector(generator, key, first + i), PaddingMode.None);
            Assert.Equal(expected, encrypted.AsSpan(i * SectorLength, SectorLength).ToArray());
        }

        cipher.Decrypt(encrypted, first);
        Assert.Equal(data, encrypted);
    }

    [Theory]
    [InlineData("xts-plain64", 32)]
    [InlineData("xts-plain", 64)]
    [InlineData("xts-essiv:sha256", 64)]
    [InlineData("cbc-essiv:sha256", 32)]
    [InlineData("ecb-plain64", 24)]
    public void Batches_are_the_sum_of_their_sectors(string modeText, uint keyLength)
    {
        var spec = CipherSpec.Parse("aes", modeText, keyLength);
        using var cipher = new SectorCipher(spec, Numbered(spec.KeyLength, 5));
        var data = Numbered(300 * SectorLength, 1);
        var together = new byte[data.Length];
        cipher.Encrypt(data, together, 1000);
        var single = (byte[])data.Clone();
        for (var i = 0; i < 300; i++)
        {
            var sector = single.AsSpan(i * SectorLength, SectorLength);
            cipher.Encrypt(sector, sector, 1000 + i);
        }

        Assert.Equal(together, single);
        Assert.NotEqual(data, together);
        cipher.Decrypt(together, 1000);
        Assert.Equal(data, together);
    }

    [Theory]
    [InlineData("sha1", 64)]
    [InlineData("sha256", 64)]
    [InlineData("sha512", 48)]
    public void A_split_key_is_put_together_again(string hashName, int keyLength)
    {
        var hash = HashNames.Demand(hashName);
        var key = Numbered(keyLength, 9);
        var parts = new byte[keyLength * 50];
        AntiForensics.Split(hash, key, parts);
        var merged = new byte[keyLength];
        AntiForensics.Merge(hash, parts, merged);
        Assert.Equal(key, merged);
        parts[keyLength] ^= 1;
        AntiForensics.Merge(hash, parts, merged);
        Assert.NotEqual(key, merged);
    }

    private static byte[] Vector(IvGenerator generator, byte[] key, long sector)
    {
        var vector = new byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(vector, generator == IvGenerator.Plain ? (uint)sector : sector);
        if (generator != IvGenerator.Essiv)
            return vector;
        using var salted = Aes.Create();
        salted.Key = SHA256.HashData(key);
        return salted.EncryptEcb(vector, PaddingMode.None);
    }

    private static byte[] Repeated(string hex, int length)
    {
        var bytes = Convert.FromHexString(hex);
        return [.. Enumerable.Range(0, length).Select(i => bytes[i % bytes.Length])];
    }

    private static byte[] Numbered(int length, int step) => [.. Enumerable.Range(0, length).Select(i => (byte)((i * step) ^ (i >> 8)))];
}
