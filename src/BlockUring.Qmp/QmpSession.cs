using System.Text.Json;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Qmp.Wire;

namespace BlockUring.Qmp;

/// <summary>
/// One client from its greeting to its end: reads its requests, keeps them until their turn, sends replies and events. Each has its own
/// state: whether capabilities were negotiated, and which.
/// </summary>
internal sealed class QmpSession
{
    // How long replies may take to leave after the client has said its last word.
    private static readonly TimeSpan LastWordsStep = TimeSpan.FromMilliseconds(10);
    private const int LastWordsStepCount = 100;

    private readonly MonitorContext context;
    private readonly CommandDispatcher dispatcher;
    private readonly ByteChannel channel;
    private readonly SessionOutput output;
    private readonly MessageReader reader = new();
    private readonly Queue<WireMessage> requests = new();
    private readonly Signal taken = new();
    private bool isRunningRequest;
    private bool hasEnded;

    public QmpSession(MonitorContext context, CommandDispatcher dispatcher, ByteChannel channel, bool isPretty)
    {
        this.context = context;
        this.dispatcher = dispatcher;
        this.channel = channel;
        output = new(channel, isPretty);
    }

    /// <summary>Whether capabilities were negotiated; before, there is one command and there are no events.</summary>
    public bool IsNegotiated { get; private set; }

    /// <summary>Whether commands may overtake others.</summary>
    public bool IsOutOfBandOn { get; private set; }

    /// <summary>Whether a request waits for its turn.</summary>
    public bool HasRequests => requests.Count > 0;

    /// <summary>Whether nothing waits to be sent, or nothing can be sent.</summary>
    public bool IsQuiet => !isRunningRequest && !HasRequests && (output.PendingBytes == 0 || output.HasEnded);

    /// <summary>Serves the client until it or the monitor ends it.</summary>
    public async ValueTask RunAsync()
    {
        using var received = context.Scheduler.Buffers.Rent(WireLimits.TransferBytes);
        using var sent = context.Scheduler.Buffers.Rent(WireLimits.TransferBytes);
        var loops = new SpawnedLoops(context.Scheduler);
        loops.Start(() => output.SendAsync(sent));
        Send([("QMP", Greeting.Content)]);
        await ReceiveAsync(received);
        hasEnded = true;
        requests.Clear();
        for (var i = 0; i < LastWordsStepCount && !IsQuiet; i++)
            await context.Scheduler.DelayAsync(LastWordsStep);
        output.End();
        await channel.ShutdownAsync();
        while (loops.RunningCount > 0)
            await context.Scheduler.YieldAsync();
    }

    /// <summary>Ends the session soon.</summary>
    public async ValueTask CloseAsync()
    {
        hasEnded = true;
        output.End();
        taken.Raise();
        await channel.ShutdownAsync();
    }

    /// <summary>Ends the negotiation.</summary>
    public void Negotiate(bool isOutOfBandOn)
    {
        IsNegotiated = true;
        IsOutOfBandOn = isOutOfBandOn;
    }

    /// <summary>Sends a message, unless the session has ended.</summary>
    public void Send(List<(string Name, JsonElement Value)> members)
    {
        if (!output.Add(members))
            context.Loops.Start(CloseAsync);
    }

    /// <summary>Hands over the next request, which counts until <see cref="EndRequest"/>.</summary>
    public WireMessage TakeRequest()
    {
        isRunningRequest = true;
        return requests.Dequeue();
    }

    /// <summary>The request that was taken has been answered.</summary>
    public void EndRequest()
    {
        isRunningRequest = false;
        taken.Raise();
    }

    private async ValueTask ReceiveAsync(IoBuffer buffer)
    {
        while (!hasEnded)
        {
            var count = await channel.ReceiveAsync(buffer.Memory);
            if (count <= 0)
                return;
            for (var start = 0; start < count && !hasEnded;)
            {
                if (TryRead(buffer.Span[start..count], out var consumed, out var message))
                    await AcceptAsync(message);
                start += consumed;
            }
        }
    }

    private bool TryRead(ReadOnlySpan<byte> input, out int consumed, out WireMessage message)
    {
        var rest = input;
        var isRead = reader.TryRead(ref rest, out message);
        consumed = input.Length - rest.Length;
        return isRead;
    }

    // Why reading stops while too much waits: what a client sends must not pile up here, and QEMU stops in the same place.
    private async ValueTask AcceptAsync(WireMessage message)
    {
        await output.WaitForRoomAsync();
        while (!hasEnded)
        {
            if (IsOutOfBandOn && CommandDispatcher.IsOutOfBand(message))
            {
                await dispatcher.AnswerAsync(this, message);
                return;
            }

            if (requests.Count + (isRunningRequest ? 1 : 0) < (IsOutOfBandOn ? WireLimits.MaxQueuedRequests : 1))
                break;
            await taken.WaitAsync();
        }

        if (hasEnded)
            return;
        requests.Enqueue(message);
        dispatcher.Add(this);
    }
}
