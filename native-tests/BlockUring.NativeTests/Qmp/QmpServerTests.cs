using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using BlockUring.NativeTests.Storage;
using BlockUring.NativeTests.Uring;
using BlockUring.Qmp;
using BlockUring.Qmp.Channels;
using BlockUring.Qmp.Commands;
using BlockUring.Qmp.Objects;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.NativeTests.Qmp;

/// <summary>Monitors on real sockets and pipes, served by a real ring.</summary>
public class QmpServerTests
{
    private const string Version = """{"execute":"query-version","id":1}""";
    private const string Negotiate = """{"execute":"qmp_capabilities"}""";

    [Fact]
    public void QuitIsAnsweredAndEverythingIsClosed()
    {
        using var daemon = new OwnDaemon();
        using var client = new QmpClient(daemon.Path, negotiates: true);
        Assert.Equal("""{"return": {}}""", client.Ask("""{"execute":"quit"}"""));
        Assert.Null(client.ReadLine());
        daemon.WaitForEnd();
        Assert.False(File.Exists(daemon.Path));
    }

    [Fact]
    public void TheNextClientIsServedWhenTheFirstHasGone()
    {
        using var daemon = new OwnDaemon();
        for (var i = 0; i < 20; i++)
        {
            using var client = new QmpClient(daemon.Path, negotiates: true);
            Assert.Contains("\"return\"", client.Ask(Version), StringComparison.Ordinal);
            if (i % 2 == 0)
                client.Write("""{"execute":"query-ver""");
        }
    }

    [Fact]
    public void EventsReachTheClientsOfAllMonitors()
    {
        using var daemon = new OwnDaemon(chardevs: "socket,path=%/second.sock,server=on,wait=off,id=c1");
        using var first = new QmpClient(daemon.Path, negotiates: true);
        using var second = new QmpClient(Path.Combine(daemon.Folder, "second.sock"), negotiates: true);
        daemon.Post(() => daemon.Context.Events.Send("JOB_STATUS_CHANGE", new NamedInfo("x"), QmpJson.Default.NamedInfo));
        Assert.Contains("\"event\": \"JOB_STATUS_CHANGE\"", first.ReadLine(), StringComparison.Ordinal);
        Assert.Contains("\"event\": \"JOB_STATUS_CHANGE\"", second.ReadLine(), StringComparison.Ordinal);
    }

    [Fact]
    public void LongRepliesArriveWhole()
    {
        using var daemon = new OwnDaemon();
        using var client = new QmpClient(daemon.Path, negotiates: true);
        var first = client.Ask("""{"execute":"query-qmp-schema"}""");
        Assert.True(JsonDocument.Parse(first).RootElement.GetProperty("return").GetArrayLength() > 30);
        client.Write(string.Concat(Enumerable.Repeat("""{"execute":"query-qmp-schema"}""", 200)));
        for (var i = 0; i < 200; i++)
            Assert.Equal(first, client.ReadLine());
    }

    [Fact]
    public void RepliesLeaveWhenTheClientHasSaidItsLastWord()
    {
        using var daemon = new OwnDaemon();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(daemon.Path));
        socket.Send(Encoding.ASCII.GetBytes(Negotiate + Version));
        socket.Shutdown(SocketShutdown.Send);
        Assert.Equal(3, ReadAll(socket).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void SecretsAreReadFromFilesWithinLimits()
    {
        using var daemon = new OwnDaemon();
        using var client = new QmpClient(daemon.Path, negotiates: true);
        var path = Path.Combine(daemon.Folder, "secret");
        File.WriteAllText(path, "YWJj\n");
        Assert.Equal("""{"return": {}}""", client.Ask(Secret("s1", path)));
        Assert.Contains("more than 1048576 bytes", client.Ask(Secret("s2", "/dev/zero")), StringComparison.Ordinal);
        Assert.Contains("No such file", client.Ask(Secret("s3", "")), StringComparison.Ordinal);
        Assert.Contains("No such file", client.Ask(Secret("s4", "a\\u0000b")), StringComparison.Ordinal);
        Assert.Equal("abc"u8.ToArray(), daemon.Context.Objects.Find<SecretObject>("s1")!.Content);
    }

    [Fact]
    public void DevicesAreListedAsByThePeer()
    {
        using var peer = new QmpPeer();
        using var daemon = new OwnDaemon();
        using var theirs = new QmpClient(peer.Path, negotiates: true);
        using var ours = new QmpClient(daemon.Path, negotiates: true);
        var expected = theirs.Ask("""{"execute":"query-chardev"}""").Replace(peer.Path, "PATH", StringComparison.Ordinal);
        Assert.Equal(expected, ours.Ask("""{"execute":"query-chardev"}""").Replace(daemon.Path, "PATH", StringComparison.Ordinal));
    }

    [Fact]
    public void TcpIsServed()
    {
        var port = FreePort();
        using var daemon = new OwnDaemon(chardevs: $"socket,host=127.0.0.1,port={port},server=on,wait=off,id=c1");
        using var local = new QmpClient(daemon.Path, negotiates: true);
        Assert.Contains($"\"disconnected:tcp:127.0.0.1:{port},server=on\"", local.Ask("""{"execute":"query-chardev"}"""), StringComparison.Ordinal);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, port);
        socket.Send(Encoding.ASCII.GetBytes(Negotiate + Version + """{"execute":"quit"}"""));
        Assert.Equal(4, ReadAll(socket).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void AMonitorConnectsToItsClient()
    {
        using var folder = new TempFolder();
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(folder["client.sock"]));
        listener.Listen();
        using var daemon = new OwnDaemon(chardevs: $"socket,path={folder["client.sock"]},id=c1");
        using var socket = listener.Accept();
        socket.Send(Encoding.ASCII.GetBytes(Negotiate + """{"execute":"quit"}"""));
        Assert.Equal(3, ReadAll(socket).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void TheStartWaitsForAClientWhereItIsTold()
    {
        using var folder = new TempFolder();
        var path = folder["waits.sock"];
        List<string> lines = [];
        Socket? client = null;
        RingHost.Run(async io =>
        {
            var chardev = await ChardevFactory.OpenAsync(io, ChardevOptions.Parse($"socket,path={path},server=on,id=c"), line =>
            {
                lines.Add(line);
                client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                client.Connect(new UnixDomainSocketEndPoint(path));
            });
            using var channel = await chardev.NextClientAsync();
            Assert.NotNull(channel);
            await chardev.StopAsync();
        });
        Assert.Equal([$"QEMU waiting for connection on: disconnected:unix:{path},server=on"], lines);
        client!.Dispose();
    }

    [Fact]
    public void StreamsAreServed()
    {
        var (own, other) = Libc.SocketPair();
        using var socket = new Socket(new SafeSocketHandle(other, ownsHandle: true));
        using var daemon = new OwnDaemon(prepare: (io, context) =>
        {
            var chardev = new StdioChardev(io, "stdio", own, own);
            context.AddChardev(chardev);
            new QmpServer(context).AddMonitor(chardev, false);
        });
        socket.Send(Encoding.ASCII.GetBytes(Negotiate + Version));
        var text = "";
        var buffer = new byte[4096];
        while (!text.Contains("\"id\": 1", StringComparison.Ordinal))
            text += Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
        Assert.Equal(3, text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);
        daemon.Post(() => daemon.Context.QuitRequested!());
        daemon.WaitForEnd();
        _ = Libc.Close(own);
    }

    [Theory]
    [InlineData("socket,path=/does/not/exist/x,id=x", "Failed to connect to '/does/not/exist/x': No such file or directory")]
    [InlineData("socket,path=/does/not/exist/x,id=x,server=on,wait=off", "Failed to bind socket to /does/not/exist/x: No such file or directory")]
    [InlineData("socket,host=localhost,port=1,id=x", "Failed to connect to 'localhost:1': Connection refused")]
    [InlineData("socket,fd=9999,id=x,server=on,wait=off", "File descriptor '9999' is not a socket")]
    public void FailuresNameWhatAndWhy(string options, string expected) => RingHost.Run(async io =>
    {
        var failure = await Assert.ThrowsAsync<BlockException>(async () => await ChardevFactory.OpenAsync(io, ChardevOptions.Parse(options), _ => { }));
        Assert.Equal(expected, failure.Message);
    });

    [Fact]
    public void APortThatIsInUseIsRefused()
    {
        var port = FreePort();
        using var daemon = new OwnDaemon(chardevs: $"socket,host=127.0.0.1,port={port},server=on,wait=off,id=c1");
        RingHost.Run(async io =>
        {
            var options = ChardevOptions.Parse($"socket,host=127.0.0.1,port={port},server=on,wait=off,id=x");
            var failure = await Assert.ThrowsAsync<BlockException>(async () => await ChardevFactory.OpenAsync(io, options, _ => { }));
            Assert.Equal("Failed to find an available port: Address already in use", failure.Message);
        });
    }

    private static string Secret(string id, string path) =>
        $$$"""{"execute":"object-add","arguments":{"qom-type":"secret","id":"{{{id}}}","format":"base64","file":"{{{path}}}"}}""";

    private static int FreePort()
    {
        using var probe = new Socket(SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }

    private static string ReadAll(Socket socket)
    {
        socket.ReceiveTimeout = 60_000;
        var text = new StringBuilder();
        var buffer = new byte[4096];
        for (int count; (count = socket.Receive(buffer)) > 0;)
            text.Append(Encoding.ASCII.GetString(buffer, 0, count));
        return text.ToString();
    }
}
