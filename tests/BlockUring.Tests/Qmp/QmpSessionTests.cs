using BlockUring.Qmp;
using BlockUring.Qmp.Commands;
using BlockUring.Qmp.Wire;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Tests.Qmp;

public sealed class QmpSessionTests : IDisposable
{
    private const string Version = """{"execute":"query-version","id":1}""";

    private readonly MonitorHost host = new();

    [Fact]
    public void AClientIsGreetedAndNegotiates()
    {
        var client = host.Connect(negotiates: false);
        Assert.Matches("""^\{"QMP": \{"version": \{"qemu": \{"micro": 22, "minor": 2, "major": 7\}, "package": "BlockUring [0-9.]+"\}, "capabilities": \["oob"\]\}\}$""", Assert.Single(host.Lines(client)));
        Assert.Contains("Expecting capabilities negotiation", Assert.Single(host.Ask(client, Version)), StringComparison.Ordinal);
        Assert.Equal("""{"return": {}, "id": [7]}""", Assert.Single(host.Ask(client, """{"execute":"qmp_capabilities","id":[7]}""")));
        Assert.Contains("\"return\"", Assert.Single(host.Ask(client, Version)), StringComparison.Ordinal);
    }

    [Fact]
    public void EverySessionHasAStateOfItsOwn()
    {
        var (first, second) = (host.Connect(), host.Connect(negotiates: false));
        host.Lines(second);
        Assert.Contains("\"return\"", Assert.Single(host.Ask(first, Version)), StringComparison.Ordinal);
        Assert.Contains("CommandNotFound", Assert.Single(host.Ask(second, Version)), StringComparison.Ordinal);
        Assert.Contains("is unexpected", Assert.Single(host.Ask(first, """{"exec-oob":"query-version"}""")), StringComparison.Ordinal);
    }

    [Fact]
    public void RequestsAreAnsweredInOrderThoughCutAnywhere()
    {
        var client = host.Connect();
        client.MaxTransferBytes = 3;
        var requests = string.Concat(Enumerable.Range(0, 50).Select(i => $$"""{"execute":"query-version", "id":{{i}}}"""));
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"\"id\": {i}}}"), host.Ask(client, requests).Select(l => l[l.IndexOf("\"id\"", StringComparison.Ordinal)..]));
    }

    [Fact]
    public void OneCommandRunsAtATimeAndSessionsTakeTurns()
    {
        var gated = new GatedCommand("gated");
        host.Context.Commands.Add(gated);
        var (first, second) = (host.Connect(), host.Connect());
        host.Ask(first, """{"execute":"gated"}{"execute":"gated"}""");
        host.Ask(second, Version);
        Assert.Equal(1, gated.StartedCount);
        Assert.Empty(host.Lines(second));
        gated.Finish();
        Assert.Single(host.Lines(second));
        Assert.Equal("""{"return": {}}""", Assert.Single(host.Lines(first)));
        Assert.Equal(2, gated.StartedCount);
    }

    [Fact]
    public void OutOfBandCommandsOvertakeWhereTheyMay()
    {
        var (gated, urgent) = (new GatedCommand("gated"), new GatedCommand("urgent", allowsOutOfBand: true));
        host.Context.Commands.Add(gated);
        host.Context.Commands.Add(urgent);
        var client = host.Connect(capabilities: "\"oob\"");
        Assert.Empty(host.Ask(client, """{"execute":"gated","id":1}{"exec-oob":"urgent","id":2}"""));
        urgent.Finish();
        Assert.Equal("""{"return": {}, "id": 2}""", Assert.Single(host.Lines(client)));
        Assert.Contains("does not support OOB", Assert.Single(host.Ask(client, """{"exec-oob":"gated","id":3}""")), StringComparison.Ordinal);
        gated.Finish();
        Assert.Equal("""{"return": {}, "id": 1}""", Assert.Single(host.Lines(client)));
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("\"oob\"", WireLimits.MaxQueuedRequests)]
    public void ReadingStopsWhereTooManyRequestsWait(string capabilities, int limit)
    {
        var (gated, urgent) = (new GatedCommand("gated"), new GatedCommand("urgent", allowsOutOfBand: true));
        host.Context.Commands.Add(gated);
        host.Context.Commands.Add(urgent);
        var client = host.Connect(capabilities: capabilities);
        client.MaxTransferBytes = 16;
        host.Ask(client, string.Concat(Enumerable.Repeat("""{"execute":"gated"}""", limit)));
        var waiting = client.WaitingBytes;
        host.Ask(client, string.Concat(Enumerable.Repeat("""{"execute":"gated"}""", 100)));
        Assert.True(client.WaitingBytes > waiting + (90 * 19), $"{client.WaitingBytes} bytes wait");
        for (var i = 0; i < limit + 100; i++)
        {
            gated.Finish();
            Assert.Single(host.Lines(client));
        }
    }

    [Fact]
    public void ErrorsHaveTheirClasses()
    {
        var gated = new GatedCommand("gated");
        host.Context.Commands.Add(gated);
        var client = host.Connect();
        foreach (var (failure, expected) in new (Exception, string)[]
        {
            (new QmpException("Block job 'x' not found", QmpErrorClass.DeviceNotActive), """{"error": {"class": "DeviceNotActive", "desc": "Block job 'x' not found"}}"""),
            (new BlockException(BlockErrorKind.NoSpace, "disk full"), """{"error": {"class": "GenericError", "desc": "disk full"}}"""),
        })
        {
            gated.Failure = failure;
            host.Ask(client, """{"execute":"gated"}""");
            gated.Finish();
            Assert.Equal(expected, Assert.Single(host.Lines(client)));
        }
    }

    [Fact]
    public void ABrokenInvariantEndsTheThreadsMain()
    {
        var gated = new GatedCommand("gated") { Failure = new InvalidOperationException("broken") };
        host.Context.Commands.Add(gated);
        var client = host.Connect();
        host.Ask(client, """{"execute":"gated"}""");
        gated.Finish();
        Assert.Equal("broken", Assert.Throws<InvalidOperationException>(() => host.Scheduler.Run()).Message);
    }

    [Fact]
    public void AClientThatDoesNotReadIsDisconnectedAndOthersGoOn()
    {
        var (slow, other) = (host.Connect(), host.Connect());
        slow.MaxOutgoingBytes = 1000;
        var filler = new string('x', 1 << 20);
        for (var sent = 0; sent < WireLimits.MaxPendingBytes; sent += filler.Length)
        {
            Assert.False(slow.IsShutDown);
            host.Context.Events.Send("JOB_STATUS_CHANGE", new NamedInfo(filler), QmpJson.Default.NamedInfo);
            Assert.Single(host.Lines(other));
        }

        host.Context.Events.Send("JOB_STATUS_CHANGE", new NamedInfo(filler), QmpJson.Default.NamedInfo);
        host.Scheduler.Run(TimeSpan.FromSeconds(5));
        Assert.True(slow.IsShutDown);
        Assert.Single(host.Context.Events.Sessions);
        host.Lines(other);
        Assert.Single(host.Ask(other, Version));
    }

    [Fact]
    public void RequestsOfAClientThatDoesNotReadAreLeftUnread()
    {
        var client = host.Connect();
        client.MaxOutgoingBytes = 1000;
        var request = $$"""{"execute":"query-version","id":"{{new string('x', 100_000)}}"}""";
        for (var i = 0; i < 40; i++)
            client.Write(System.Text.Encoding.UTF8.GetBytes(request));
        host.Scheduler.Run();
        Assert.InRange(client.WaitingBytes, 20 * request.Length, 40 * request.Length);
        client.MaxOutgoingBytes = int.MaxValue;
        var replies = 0;
        while (client.WaitingBytes > 0)
            replies += host.Lines(client).Count(l => l.EndsWith('}'));
        Assert.Equal(40, replies + host.Lines(client).Count(l => l.EndsWith('}')));
    }

    [Fact]
    public void TheNextClientIsServedWhenTheFirstHasGone()
    {
        var chardev = new MemoryChardev("c");
        host.Context.AddChardev(chardev);
        host.Server.AddMonitor(chardev, false);
        var (first, second) = (new MemoryChannel(), new MemoryChannel());
        chardev.Connect(first);
        chardev.Connect(second);
        Assert.Single(host.Lines(first));
        Assert.Empty(host.Lines(second));
        host.Ask(first, """{"execute":"qmp_capabilities"}""");
        first.Close();
        host.Scheduler.Run(TimeSpan.FromSeconds(2));
        Assert.Contains("\"QMP\"", Assert.Single(host.Lines(second)), StringComparison.Ordinal);
        Assert.Contains("CommandNotFound", Assert.Single(host.Ask(second, Version)), StringComparison.Ordinal);
    }

    [Fact]
    public void QuitIsAnsweredBeforeTheEnd()
    {
        var (client, other) = (host.Connect(), host.Connect());
        var hasQuit = false;
        host.Context.QuitRequested = () => hasQuit = true;
        client.MaxOutgoingBytes = 5;
        host.Ask(client, """{"execute":"quit"}""");
        Assert.True(hasQuit && host.Context.IsQuitting);
        var stop = host.Server.StopAsync().AsTask();
        var text = "";
        for (var i = 0; i < 50 && !client.IsShutDown; i++)
        {
            host.Scheduler.Run(TimeSpan.FromMilliseconds(5));
            text += System.Text.Encoding.ASCII.GetString(client.Take());
        }

        host.Scheduler.Run(TimeSpan.FromSeconds(2));
        Assert.True(stop.IsCompletedSuccessfully && client.IsShutDown && other.IsShutDown);
        Assert.EndsWith(": {}}\r\n", text, StringComparison.Ordinal);
    }

    public void Dispose() => host.Dispose();
}
