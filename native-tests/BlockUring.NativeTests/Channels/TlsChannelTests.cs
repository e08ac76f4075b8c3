using System.Security.Cryptography;
using BlockUring.Native.Channels;
using BlockUring.Native.Interop;
using BlockUring.NativeTests.Uring;
using Xunit;
using static BlockUring.NativeTests.Channels.TlsPair;

namespace BlockUring.NativeTests.Channels;

public sealed class TlsChannelTests : IDisposable
{
    private static readonly byte[] Key = RandomNumberGenerator.GetBytes(32);

    private readonly TestPki pki = new();

    public TlsChannelTests() => Assert.SkipWhen(TlsContext.WhyNot != null, TlsContext.WhyNot ?? "");

    public void Dispose() => pki.Dispose();

    [Theory]
    [InlineData("mutual", "TLSv1.3", "CN=client,O=Test Org", "CN=server,O=Test Org")]
    [InlineData("server only", "TLSv1.3", null, "CN=server,O=Test Org")]
    [InlineData("psk", "TLSv1.3", "qemu", "qemu")]
    [InlineData("anonymous", "TLSv1.2", null, null)]
    public void BothSidesAgreeAndMoveDataBothWaysAtOnce(string kind, string version, string? client, string? server) => RingHost.Run(async thread =>
    {
        var pair = await ConnectAsync(thread, Contexts(kind), "localhost", new Random(7));
        Assert.Equal((version, version), (pair.Server.Version, pair.Client.Version));
        Assert.Equal((client, server), (pair.Server.PeerName, pair.Client.PeerName));
        await ExchangeAsync(thread, pair, 3_000_000, 11);
        await CloseAsync(pair);
    });

    [Fact]
    public void KeysCanBeUpdatedWhileDataMoves() => RingHost.Run(async thread =>
    {
        var pair = await ConnectAsync(thread, Contexts("psk"), null, new Random(8));
        await ExchangeAsync(thread, pair, 4_000_000, 3, updates: true);
        await CloseAsync(pair);
    });

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1", null)]
    [InlineData("127.0.0.1", "127.0.0.2", "Certificate does not match the hostname 127.0.0.2")]
    [InlineData("disk.example", "disk.example", null)]
    [InlineData("disk.example", "other.example", "Certificate does not match the hostname other.example")]
    [InlineData("disk.example", null, null)]
    public void TheServersNameIsChecked(string certified, string? expected, string? error) => RingHost.Run(async thread =>
    {
        var contexts = (pki.Context(true, pki.Issue("server", true, certified), verifies: false), pki.Context(false));
        if (error == null)
            await CloseAsync(await ConnectAsync(thread, contexts, expected, new Random(1)));
        else
            Assert.Equal(error, (await FailAsync(thread, contexts, expected)).Client);
    });

    [Theory]
    [InlineData("expired", "The certificate has expired")]
    [InlineData("future", "The certificate is not yet activated")]
    [InlineData("unknown", "The certificate hasn't got a known issuer")]
    [InlineData("purpose", "The certificate is not trusted")]
    public void BadCertificatesOfServersAreRefused(string kind, string error) => RingHost.Run(async thread =>
    {
        using var stranger = new TestPki("Other CA");
        var own = BadCertificate(stranger, kind, forServer: true);
        var (client, server) = await FailAsync(thread, (pki.Context(true, own, verifies: false), pki.Context(false)), "localhost");
        Assert.Equal(error, client);
        Assert.StartsWith("TLS handshake failed: ", server!, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData("expired", "The certificate has expired")]
    [InlineData("unknown", "The certificate hasn't got a known issuer")]
    [InlineData("none", "TLS handshake failed: No certificate was found.")]
    public void BadCertificatesOfClientsAreRefused(string kind, string error) => RingHost.Run(async thread =>
    {
        using var stranger = new TestPki("Other CA");
        var own = kind == "none" ? ((byte[], byte[])?)null : BadCertificate(stranger, kind, forServer: false);
        var contexts = (pki.Context(true, pki.Issue("server", true, "localhost")), pki.Context(false, own, authorities: pki.Authority));
        var (_, server) = await FailAsync(thread, contexts, "localhost");
        Assert.Equal(error, server);
    });

    [Fact]
    public void NobodyIsCheckedWhereNobodyAsks() => RingHost.Run(async thread =>
    {
        using var stranger = new TestPki("Other CA");
        var contexts = (pki.Context(true, BadCertificate(stranger, "expired", true), verifies: false), pki.Context(false, verifies: false));
        await CloseAsync(await ConnectAsync(thread, contexts, "wrong.example", new Random(1)));
    });

    [Theory]
    [InlineData("qemu", true, "TLS handshake failed: The keys do not match")]
    [InlineData("nobody", false, null)]
    public void WrongKeysAndUsersAreRefused(string user, bool isWrongKey, string? error) => RingHost.Run(async thread =>
    {
        var contexts = (TestPki.SharedKey(true, ("qemu", Key)), TestPki.SharedKey(false, (user, isWrongKey ? new byte[32] : Key)));
        var (client, server) = await FailAsync(thread, contexts, null);
        Assert.StartsWith(error ?? "TLS handshake failed: ", server!, StringComparison.Ordinal);
        Assert.StartsWith("TLS handshake failed: ", client!, StringComparison.Ordinal);
    });

    [Fact]
    public void APeerWithoutTlsIsNamed() => RingHost.Run(async thread =>
    {
        var (here, there) = WireChannel.Pair(new Random(1));
        using var channel = new TlsChannel(thread, here, TestPki.SharedKey(true, ("qemu", Key)));
        using var buffer = thread.Buffers.Rent(4096);
        buffer.Span.Fill((byte)'x');
        var handshake = FailureOfAsync(channel);
        Assert.True(await there.SendAsync(buffer.Memory) > 0);
        Assert.Equal("TLS handshake failed: The peer does not speak TLS", await handshake);
        there.Dispose();
    });

    [Fact]
    public void AnEndWithoutGoodbyeIsAnError() => RingHost.Run(async thread =>
    {
        var pair = await ConnectAsync(thread, Contexts("psk"), null, new Random(1));
        using var buffer = thread.Buffers.Rent(64);
        var receive = pair.Server.ReceiveAsync(buffer.Memory).AsTask();
        await pair.ClientWire.ShutdownAsync();
        Assert.Equal(-Errno.ECONNRESET, await receive);
        Assert.Equal(-Errno.EPIPE, await pair.Server.SendAsync(buffer.Memory));
        await CloseAsync(pair);
    });

    [Fact]
    public void AHandshakeCanBeEnded() => RingHost.Run(async thread =>
    {
        var (here, there) = WireChannel.Pair(new Random(1));
        using var channel = new TlsChannel(thread, here, pki.Context(false), "localhost");
        var handshake = FailureOfAsync(channel);
        await channel.ShutdownAsync();
        Assert.Equal("TLS handshake failed: The connection was closed", await handshake);
        there.Dispose();
    });

    [Fact]
    public void APeerThatDoesNotListenCannotKeepAConnectionOpen() => RingHost.Run(async thread =>
    {
        var pair = await ConnectAsync(thread, Contexts("psk"), null, new Random(1), capacity: 5000);
        using var buffer = thread.Buffers.Rent(100_000);
        var send = pair.Server.SendAsync(buffer.Memory).AsTask();
        Assert.False(send.IsCompleted);
        await pair.Server.ShutdownAsync();
        Assert.True(await send < 0);
        await CloseAsync(pair);
    });

    [Fact]
    public void AnEncryptedKeyTakesItsPassword()
    {
        var own = pki.Issue("server", true, "localhost", password: "secret");
        var settings = new TlsSettings
        {
            IsServer = true,
            Kind = TlsKind.Certificates,
            Authorities = pki.Authority,
            Certificate = own.Certificate,
            Key = own.Key,
            Password = "secret",
        };
        _ = new TlsContext(settings);
        Assert.Equal("Decryption has failed.", Assert.Throws<TlsException>(() => new TlsContext(settings with { Password = "wrong" })).Message);
        Assert.Equal("Decryption has failed.", Assert.Throws<TlsException>(() => new TlsContext(settings with { Password = null })).Message);
        var other = pki.Issue("server", true, "localhost");
        Assert.Equal(
            "The certificate and the given key do not match.", Assert.Throws<TlsException>(() => new TlsContext(settings with { Key = other.Key })).Message);
        Assert.Equal("There is no certificate of an authority", Assert.Throws<TlsException>(() => new TlsContext(settings with { Authorities = [1] })).Message);
    }

    private (byte[] Certificate, byte[] Key) BadCertificate(TestPki stranger, string kind, bool forServer) => kind switch
    {
        "unknown" => stranger.Issue("x", forServer, "localhost"),
        "expired" => pki.Issue("x", forServer, "localhost", -100, -10),
        "future" => pki.Issue("x", forServer, "localhost", 10, 100),
        _ => pki.Issue("x", !forServer, "localhost"),
    };

    private (TlsContext Server, TlsContext Client) Contexts(string kind) => kind switch
    {
        "mutual" => (pki.Context(true, pki.Issue("server", true, "localhost")), pki.Context(false, pki.Issue("client", false))),
        "server only" => (pki.Context(true, pki.Issue("server", true, "localhost"), verifies: false), pki.Context(false)),
        "psk" => (TestPki.SharedKey(true, ("other", new byte[16]), ("qemu", Key)), TestPki.SharedKey(false, ("qemu", Key))),
        _ => (TestPki.Anonymous(true), TestPki.Anonymous(false)),
    };
}
