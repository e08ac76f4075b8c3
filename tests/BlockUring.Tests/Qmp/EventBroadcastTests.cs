using System.Text.Json;
using BlockUring.Qmp.Commands;
using Xunit;

namespace BlockUring.Tests.Qmp;

public sealed class EventBroadcastTests : IDisposable
{
    private readonly MonitorHost host = new();

    [Fact]
    public void EventsGoToAllThatHaveNegotiated()
    {
        var (first, second, silent) = (host.Connect(), host.Connect(), host.Connect(negotiates: false));
        host.Lines(silent);
        Send("JOB_STATUS_CHANGE", """{"id":"j","status":"created"}""");
        foreach (var client in new[] { first, second })
        {
            Assert.Matches(
                """^\{"timestamp": \{"seconds": \d+, "microseconds": \d{1,6}\}, "event": "JOB_STATUS_CHANGE", "data": \{"status": "created", "id": "j"\}\}$""",
                Assert.Single(host.Lines(client)));
        }

        Assert.Empty(host.Lines(silent));
    }

    [Fact]
    public void AnEventWithoutMembersHasNoData()
    {
        var client = host.Connect();
        Send("SHUTDOWN", "{}");
        Assert.DoesNotContain("data", Assert.Single(host.Lines(client)), StringComparison.Ordinal);
    }

    [Fact]
    public void AFloodOfOneSourceIsThinnedToTheLastOfEverySecond()
    {
        var client = host.Connect();
        for (var i = 0; i < 10; i++)
            Send("BLOCK_IO_ERROR", Error("a", i, "report"));
        Send("BLOCK_IO_ERROR", Error("b", 100, "report"));
        Assert.Equal([0, 100], Reasons(client));
        host.Scheduler.Run(TimeSpan.FromSeconds(1));
        Assert.Equal([9], Reasons(client));
        Send("BLOCK_IO_ERROR", Error("a", 11, "report"));
        Assert.Empty(Reasons(client));
        host.Scheduler.Run(TimeSpan.FromSeconds(2));
        Assert.Equal([11], Reasons(client));
        host.Scheduler.Run(TimeSpan.FromSeconds(2));
        Send("BLOCK_IO_ERROR", Error("a", 12, "report"));
        Assert.Equal([12], Reasons(client));
    }

    [Fact]
    public void AnErrorThatStopsIsNeverHeldBack()
    {
        var client = host.Connect();
        for (var i = 0; i < 3; i++)
            Send("BLOCK_IO_ERROR", Error("a", i, "stop"));
        Assert.Equal([0, 1, 2], Reasons(client));
    }

    [Fact]
    public void OtherEventsAreNotThinned()
    {
        var client = host.Connect();
        for (var i = 0; i < 5; i++)
            Send("BLOCK_JOB_ERROR", """{"device":"a","operation":"read","action":"report"}""");
        Assert.Equal(5, host.Lines(client).Length);
    }

    public void Dispose() => host.Dispose();

    private static string Error(string device, int reason, string action) =>
        $$"""{"device":"{{device}}","operation":"read","action":"{{action}}","reason":"{{reason}}"}""";

    private void Send(string name, string data) => host.Context.Events.Send(name, JsonDocument.Parse(data).RootElement, QmpJson.Default.JsonElement);

    private IEnumerable<int> Reasons(MemoryChannel client) =>
        host.Lines(client).Select(l => int.Parse(JsonDocument.Parse(l).RootElement.GetProperty("data").GetProperty("reason").GetString()!));
}
