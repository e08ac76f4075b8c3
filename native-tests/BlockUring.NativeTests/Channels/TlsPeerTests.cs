using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using BlockUring.Native.Channels;
using BlockUring.NativeTests.Storage;
using BlockUring.NativeTests.Uring;
using Xunit;

namespace BlockUring.NativeTests.Channels;

/// <summary>GnuTLS, which QEMU, libnbd and nbdkit use, at the other end.</summary>
public sealed class TlsPeerTests : IDisposable
{
    private static readonly byte[] Key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    private readonly TestPki pki = new();
    private readonly TempFolder folder = new();
    private readonly (byte[] Certificate, byte[] Key) server;
    private readonly (byte[] Certificate, byte[] Key) client;

    public TlsPeerTests()
    {
        Assert.SkipWhen(TlsContext.WhyNot != null, TlsContext.WhyNot ?? "");
        server = pki.Issue("server", true, "127.0.0.1");
        client = pki.Issue("client", false);
        pki.WriteFolder(folder.Root, server, client);
        File.WriteAllText(folder["keys.psk"], $"qemu:{Convert.ToHexStringLower(Key)}\n");
    }

    public static TheoryData<string, string> Kinds => new()
    {
        { "certificates", "1.3" },
        { "certificates", "1.2" },
        { "psk", "1.3" },
        { "psk", "1.2" },
        { "anonymous", "1.2" },
    };

    public void Dispose()
    {
        pki.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("certificates", "1.3")]
    [InlineData("certificates", "1.2")]
    [InlineData("psk", "1.3")]
    [InlineData("anonymous", "1.2")]
    public async Task ClientsOfGnuTlsAreServed(string kind, string version)
    {
        Tool.Demand("gnutls-cli");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        string[] credentials = kind switch
        {
            "certificates" => ["--x509cafile", folder["ca-cert.pem"], "--x509certfile", folder["client-cert.pem"], "--x509keyfile", folder["client-key.pem"]],
            "psk" => ["--pskusername", "qemu", "--pskkey", Convert.ToHexStringLower(Key)],
            _ => [],
        };
        using var process = Tool.Start("gnutls-cli", [.. credentials, "--priority", Priority(kind, version), "-p", $"{port}", "127.0.0.1"]);
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.WriteAsync("hello, server\n");
        await process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
        RingHost.Run(async thread =>
        {
            using var channel = new TlsChannel(thread, new SocketChannel(thread, socket, "client"), Context(kind, true));
            await channel.HandshakeAsync();
            Assert.Equal($"TLSv{version}", channel.Version);
            Assert.Equal(kind switch { "psk" => "qemu", "certificates" => "CN=client,O=Test Org", _ => null }, channel.PeerName);
            using var buffer = thread.Buffers.Rent(100);
            var count = await channel.ReceiveAsync(buffer.Memory);
            Assert.True(count > 0, $"{count} {channel.FailureReason}");
            Assert.Equal("hello, server\n", Encoding.ASCII.GetString(buffer.Span[..count]));
            "hello, client\n"u8.CopyTo(buffer.Span);
            Assert.Equal(14, await channel.SendAsync(buffer.Memory.Slice(0, 14)));
            await channel.ShutdownAsync();
        });
        var said = await output + await errors;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Contains("hello, client", said, StringComparison.Ordinal);
        Assert.Contains("Peer has closed the GnuTLS connection", said, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ServersOfQemuAreUsed(string kind, string version)
    {
        Tool.Demand("qemu-nbd");
        var (socketPath, pidPath, diskPath) = (folder["socket"], folder["pid"], folder["disk"]);
        File.WriteAllBytes(diskPath, new byte[65536]);
        var type = kind switch { "certificates" => "x509", "psk" => "psk", _ => "anon" };
        var definition = $"tls-creds-{type},id=t,endpoint=server,dir={folder.Root},priority=NORMAL:-VERS-ALL:+VERS-TLS{version}";
        Tool.Run(
            "qemu-nbd", "--fork", "--pid-file", pidPath, "-k", socketPath, "--object", definition, "--tls-creds", "t", "-f", "raw", diskPath);
        using var process = Process.GetProcessById(int.Parse(File.ReadAllText(pidPath), CultureInfo.InvariantCulture));
        try
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(socketPath));
            StartTls(socket);
            RingHost.Run(async thread =>
            {
                using var channel = new TlsChannel(thread, new SocketChannel(thread, socket, "server"), Context(kind, false), "127.0.0.1");
                await channel.HandshakeAsync();
                Assert.Equal($"TLSv{version}", channel.Version);
                using var buffer = thread.Buffers.Rent(100);
                NbdOption(2).CopyTo(buffer.Span);
                Assert.Equal(16, await channel.SendAsync(buffer.Memory.Slice(0, 16)));
                Assert.Equal(20, await channel.ReceiveAsync(buffer.Memory));
                Assert.Equal(1, BinaryPrimitives.ReadInt32BigEndian(buffer.Span[12..]));
                await channel.ShutdownAsync();
            });
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    // NBD's way into TLS: the greeting, the flags of the client, and the option that the server acknowledges.
    private static void StartTls(Socket socket)
    {
        var greeting = new byte[18];
        Assert.Equal(18, socket.Receive(greeting));
        socket.Send([0, 0, 0, 1, .. NbdOption(5)]);
        var answer = new byte[20];
        Assert.Equal(20, socket.Receive(answer));
        Assert.Equal(1, BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan(12)));
    }

    private static byte[] NbdOption(byte number) => [.. "IHAVEOPT"u8, 0, 0, 0, number, 0, 0, 0, 0];

    private static string Priority(string kind, string version) => kind switch
    {
        "certificates" => $"NORMAL:-VERS-ALL:+VERS-TLS{version}",
        "psk" => $"NORMAL:-VERS-ALL:+VERS-TLS{version}:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK",
        _ => $"NORMAL:-VERS-ALL:+VERS-TLS{version}:-KX-ALL:+ANON-ECDH:+ANON-DH",
    };

    private TlsContext Context(string kind, bool isServer) => kind switch
    {
        "certificates" => pki.Context(isServer, isServer ? server : client),
        "psk" => TestPki.SharedKey(isServer, ("qemu", Key)),
        _ => TestPki.Anonymous(isServer),
    };

}
