using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using BlockUring.Native.Uring;

namespace BlockUring.Qmp;

/// <summary>
/// Sends events to all sessions that are past their negotiation. Where a client could be flooded, there is a pause after each event of one
/// source, and of those that come meanwhile the last one is sent.
/// </summary>
internal sealed class EventBroadcast
{
    private static readonly Dictionary<string, EventRate> Rates = new(StringComparer.Ordinal)
    {
        // Why not when the job stops: that event tells of a change of state, which clients must not miss.
        ["BLOCK_IO_ERROR"] = new(TimeSpan.FromSeconds(1), ["device", "node-name", "operation"], d => d.GetProperty("action").GetString() != "stop"),
    };

    private readonly Scheduler scheduler;
    private readonly List<QmpSession> sessions = [];
    private readonly Dictionary<string, Pause> pauses = new(StringComparer.Ordinal);
    private readonly SpawnedLoops loops;

    public EventBroadcast(Scheduler scheduler)
    {
        this.scheduler = scheduler;
        loops = new(scheduler);
    }

    /// <summary>The sessions there are.</summary>
    public IReadOnlyList<QmpSession> Sessions => sessions;

    /// <summary>Sends to a session from now on.</summary>
    public void Add(QmpSession session) => sessions.Add(session);

    /// <summary>Sends to a session no more.</summary>
    public void Remove(QmpSession session) => sessions.Remove(session);

    /// <summary>Sends an event.</summary>
    /// <param name="name">As the definition has it.</param>
    /// <param name="data">What it tells.</param>
    /// <param name="dataType">Of <paramref name="data"/>.</param>
    public void Send<T>(string name, T data, JsonTypeInfo<T> dataType)
    {
        var sent = new EventMessage(name, JsonSerializer.SerializeToElement(data, dataType), TimestampInfo.Of(scheduler.Time.GetUtcNow()));
        if (!Rates.TryGetValue(name, out var rate) || !rate.Applies(sent.Data))
        {
            Broadcast(sent);
            return;
        }

        var source = rate.SourceOf(name, sent.Data);
        if (pauses.TryGetValue(source, out var pause))
        {
            pause.Last = sent;
            return;
        }

        Broadcast(sent);
        pauses.Add(source, new());
        loops.Start(() => PauseAsync(source, rate.Pause));
    }

    private async ValueTask PauseAsync(string source, TimeSpan length)
    {
        var pause = pauses[source];
        while (true)
        {
            await scheduler.DelayAsync(length);
            if (pause.Last is not { } last)
                break;
            pause.Last = null;
            Broadcast(last);
        }

        pauses.Remove(source);
    }

    private void Broadcast(EventMessage sent)
    {
        // Why a copy: a client that is disconnected for not reading leaves the list.
        foreach (var session in sessions.ToArray())
        {
            if (session.IsNegotiated)
                session.Send(sent.Members());
        }
    }

    private sealed class Pause
    {
        public EventMessage? Last { get; set; }
    }
}
