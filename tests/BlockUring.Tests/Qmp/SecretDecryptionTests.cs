using System.Text;
using BlockUring.Qmp;
using BlockUring.Qmp.Objects;
using Xunit;

namespace BlockUring.Tests.Qmp;

/// <summary>The encrypted texts are from `openssl enc -aes-256-cbc`, with the key 00 01 … 1f and the vector 00 … 0f.</summary>
public class SecretDecryptionTests
{
    private const string Vector = "AAECAwQFBgcICQoLDA0ODw==";

    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    [Theory]
    [InlineData("2qYoJb+GgN2MRW85GNN5P2vIMhJDl1rrs8xuCB83Fqp2g0/nj59bW57ig5IwT3ip", "hello secret world, longer than a block")]
    [InlineData("6cPvirI0U+bwdJzWNueojg==", "")]
    [InlineData("", "")]
    [InlineData("nn2Irl9AwqS79PhX6n6HfQ==", "xxxxxxxxxxxxxxx\0")]
    public void TheSecretIsWhatWasEncrypted(string encrypted, string expected)
    {
        Assert.Equal(expected, Encoding.UTF8.GetString(SecretDecryption.Run(Key, Vector, "base64", Encoding.UTF8.GetBytes(encrypted))));
        Assert.Equal(expected, Encoding.UTF8.GetString(SecretDecryption.Run(Key, Vector, "raw", Convert.FromBase64String(encrypted))));
    }

    [Fact]
    public void AnotherKeyDoesNotWork() => Assert.Contains(
        "padding bytes",
        Assert.Throws<QmpException>(() => SecretDecryption.Run([.. Key.Reverse()], Vector, "base64", "6cPvirI0U+bwdJzWNueojg=="u8.ToArray())).Message,
        StringComparison.Ordinal);
}
