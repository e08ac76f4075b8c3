using System.Buffers.Binary;
using BlockUring.Images.Encryption;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Images.Encryption;

public sealed class LuksHeaderTests
{
    [Fact]
    public void A_header_comes_back_as_it_was()
    {
        var bytes = Bytes();
        var parsed = LuksHeader.Parse(bytes);
        Assert.Equal("xts-plain64", parsed.Cipher.ModeText);
        Assert.Equal(64, parsed.Cipher.KeyLength);
        Assert.Equal(2068480, parsed.PayloadOffset);
        Assert.Equal([true, false, false, false, false, false, false, false], parsed.Slots.Select(s => s.IsActive));
        var again = new byte[LuksHeader.Length];
        parsed.Serialize(again);
        Assert.Equal(bytes, again);
    }

    [Theory]
    [InlineData(0, 0u, "Volume is not in LUKS format")]
    [InlineData(4, 0xbabe0002u, "LUKS version 2 is not supported")]
    [InlineData(104, 7u, "LUKS payload is overlapping with the header")]
    [InlineData(104, 4039u, "Keyslot 7 is overlapping with the encrypted payload")]
    [InlineData(108, 63u, "Algorithm 'aes' with key size 63 bytes not supported")]
    [InlineData(108, 66u, "Keyslots 0 and 1 are overlapping in the header")]
    [InlineData(108, 0xffffffffu, "Keyslot 0 is overlapping with the encrypted payload")]
    [InlineData(164, 0u, "LUKS key iteration count is zero")]
    [InlineData(208, 1u, "Keyslot 0 state (active/disable) is corrupted")]
    [InlineData(212, 0u, "Keyslot 0 iteration count is zero")]
    [InlineData(248 + 48, 7u, "Keyslot 1 is overlapping with the LUKS header")]
    [InlineData(252, 3999u, "Keyslot 0 is corrupted (stripes 3999 != 4000)")]
    [InlineData(8, 0x73657200u, "Algorithm 'ser' with key size 32 bytes not supported")]
    [InlineData(40, 0x7a74732du, "Cipher mode 'zts' is not recognized")]
    [InlineData(40, 0x7a7a7a7au, "Unexpected cipher mode string format 'zzzzplain64'")]
    [InlineData(44, 0x7a7a7a7au, "IV generator 'zzzzn64' is not recognized")]
    [InlineData(72, 0x736a6131u, "Hash algorithm 'sja156' is not recognized")]
    public void Broken_headers_are_refused(int offset, uint value, string message)
    {
        var bytes = Bytes();
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(offset), value);
        Assert.Equal(message, Assert.Throws<BlockException>(() => LuksHeader.Parse(bytes)).Message);
    }

    [Theory]
    [InlineData("cbc-essiv", 32u, "Missing IV generator hash specification")]
    [InlineData("cbc-essiv:sha1", 32u, "No AES cipher with key size 20 available")]
    [InlineData("cbc-essiv:sha0", 32u, "Hash algorithm 'sha0' is not recognized")]
    [InlineData("xts-plain64", 128u, "Algorithm 'aes' with key size 64 bytes not supported")]
    public void Ciphers_that_do_not_exist_are_refused(string mode, uint keyLength, string message) =>
        Assert.Equal(message, Assert.Throws<BlockException>(() => CipherSpec.Parse("aes", mode, keyLength)).Message);

    private static byte[] Bytes()
    {
        var spec = CipherSpec.Parse("aes", "xts-plain64", 64);
        var header = new LuksHeader
        {
            Cipher = spec,
            Hash = "sha256",
            PayloadOffset = LuksHeader.KeyOffset(spec.KeyLength, LuksHeader.SlotCount),
            Digest = new byte[LuksHeader.DigestLength],
            DigestSalt = new byte[LuksHeader.SaltLength],
            DigestIterations = 1000,
            Uuid = "9c0c1f6a-0000-4000-8000-000000000001",
            Slots =
            [
                .. Enumerable.Range(0, LuksHeader.SlotCount).Select(i => new LuksKeySlot(
                    i == 0, i == 0 ? 5000u : 0, new byte[LuksHeader.SaltLength], LuksHeader.KeyOffset(spec.KeyLength, i), LuksHeader.Stripes)),
            ],
        };
        var bytes = new byte[LuksHeader.Length];
        header.Serialize(bytes);
        return bytes;
    }
}
