using System.Runtime.CompilerServices;
using BlockUring.Native.Channels;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Nbd.Wire;
using BlockUring.Storage;

namespace BlockUring.Nbd.Client;

/// <summary>
/// One connection in the transmission phase: many requests in flight, replies in any order, payloads from and to the callers' buffers. When it is
/// lost, every request ends with <see cref="Lost"/>.
/// </summary>
/// <remarks>One thread. A caller's buffer is its own again when its request has ended, and not before.</remarks>
internal sealed class NbdConnection
{
    /// <summary>How a request ends whose connection was lost: another one may do it.</summary>
    public const int Lost = -Errno.ENOTCONN;

    // Why: enough for several copies at a time; who asks for more waits here instead of at the server.
    private const int MaxInFlight = 256;
    private const int BatchBytes = 64 << 10;

    // Why: below this, copying costs less than a system call of its own.
    private const int MaxCopied = 16 << 10;

    private readonly Scheduler scheduler;
    private readonly ByteChannel channel;
    private readonly NbdInput input;
    private readonly IoBuffer batch;
    private readonly NbdReplyReader replies;
    private readonly bool isExtended;
    private readonly List<NbdExchange> all = [];
    private readonly Stack<NbdExchange> idle = new();
    private readonly Queue<NbdExchange> waiting = new();
    private readonly NbdSignal work = new();
    private readonly Arrival ended = new();
    private bool isSending = true;
    private bool isReceiving = true;
    private bool isCorked;
    private bool isClosing;

    /// <summary>Begins.</summary>
    /// <param name="scheduler">The thread.</param>
    /// <param name="channel">Belongs to the connection from now on.</param>
    /// <param name="input">Of the channel; belongs to the connection from now on.</param>
    /// <param name="export">What was agreed.</param>
    public NbdConnection(Scheduler scheduler, ByteChannel channel, NbdInput input, NbdExport export)
    {
        this.scheduler = scheduler;
        this.channel = channel;
        this.input = input;
        Export = export;
        isExtended = export.Style == NbdReplyStyle.Extended;
        batch = scheduler.Buffers.Rent(BatchBytes);
        replies = new NbdReplyReader(input, export, Find);
        input.ReadAhead = NbdInput.Capacity;
        scheduler.Detach(SendAllAsync());
        scheduler.Detach(ReceiveAllAsync());
    }

    /// <summary>What was agreed.</summary>
    public NbdExport Export { get; }

    /// <summary>Requests sent and not answered.</summary>
    public int InFlightCount { get; private set; }

    /// <summary>Requests that have not ended.</summary>
    public int LoadCount => InFlightCount + waiting.Count;

    /// <summary>Requests started so far.</summary>
    public long StartedCount { get; private set; }

    /// <summary>Whether it is over.</summary>
    public bool IsLost { get; private set; }

    /// <summary>What the server did against the protocol; null where it did nothing of that kind.</summary>
    public string? Violation => replies.Violation;

    /// <summary>Sends a request.</summary>
    /// <param name="command">What.</param>
    /// <param name="flags">How.</param>
    /// <param name="offset">Bytes.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="memory">For a read or write, of that length; belongs to the connection until the request ends.</param>
    /// <returns>Its task is to be awaited, once: 0, a negative error number, or <see cref="Lost"/>.</returns>
    public NbdExchange Start(NbdCommand command, NbdCommandFlags flags, long offset, long length, IoMemory memory)
    {
        if (!idle.TryPop(out var exchange))
        {
            exchange = new NbdExchange(this, all.Count);
            all.Add(exchange);
        }

        exchange.Prepare(command, flags, offset, length, memory);
        exchange.Number = StartedCount++;
        if (IsLost || isClosing)
        {
            exchange.End(Lost);
            return exchange;
        }

        waiting.Enqueue(exchange);
        StartSending();
        return exchange;
    }

    /// <summary>Ends the connection at once; requests end with <see cref="Lost"/> soon.</summary>
    public void Abort()
    {
        if (IsLost)
            return;
        IsLost = true;
        scheduler.Detach(channel.ShutdownAsync());
    }

    /// <summary>Takes leave of the server and closes, once no request is in flight any more.</summary>
    public async ValueTask CloseAsync()
    {
        isClosing = true;
        if (!isSending)
            work.Set();
        await ended;
    }

    /// <summary>Whether one of the first requests, so many of <see cref="StartedCount"/>, has not ended.</summary>
    public bool IsWaitingFor(long count) => all.Exists(e => e.IsPending && e.Number < count);

    internal void Recycle(NbdExchange exchange) => idle.Push(exchange);

    private NbdExchange? Find(ulong cookie)
    {
        var slot = (uint)cookie;
        return slot < (uint)all.Count && all[(int)slot] is { IsSent: true } exchange && exchange.Cookie == cookie ? exchange : null;
    }

    private void StartSending()
    {
        if (!isSending && !isCorked && !IsLost && waiting.Count > 0 && InFlightCount < MaxInFlight)
            work.Set();
    }

    // Why one loop for good: starting one for each request would allocate.
    private async ValueTask SendAllAsync()
    {
        while (true)
        {
            while (!IsLost && waiting.Count > 0 && InFlightCount < MaxInFlight)
                await SendBatchAsync();
            if (isClosing && !IsLost)
                await SendFarewellAsync();
            isSending = false;
            if (!isReceiving)
                break;
            await work.WaitAsync();
            isSending = true;
        }

        input.Dispose();
        batch.Dispose();
        channel.Dispose();
        ended.Succeed();
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask SendBatchAsync()
    {
        var length = Pack(out var payload);
        var isSent = await channel.SendAllAsync(batch.Memory.Slice(0, length));
        if (isSent && payload != null)
            isSent = await channel.SendAllAsync(payload.Memory);
        payload?.EndSending();
        if (!isSent)
            Abort();
    }

    // Headers, and what is short behind them; a long payload ends the batch and goes from where it is.
    private int Pack(out NbdExchange? payload)
    {
        payload = null;
        var length = 0;
        while (payload == null && InFlightCount < MaxInFlight && waiting.TryPeek(out var next))
        {
            var bytes = NbdRequest.Bytes(isExtended);
            var isWrite = next.Command == NbdCommand.Write;
            var isCopied = isWrite && next.Memory.Length <= MaxCopied;
            if (length + bytes + (isCopied ? next.Memory.Length : 0) > BatchBytes)
                break;
            waiting.Dequeue();
            InFlightCount++;
            next.IsSent = true;
            var flags = next.Flags | (isWrite && isExtended ? NbdCommandFlags.PayloadLength : NbdCommandFlags.None);
            var request = new NbdRequest(flags, next.Command, next.Cookie, (ulong)next.Offset, (ulong)next.Length);
            length += request.Write(batch.Span[length..], isExtended);
            if (isCopied)
            {
                next.Memory.Span.CopyTo(batch.Span[length..]);
                length += next.Memory.Length;
            }
            else if (isWrite)
            {
                payload = next;
                next.IsSending = true;
            }
        }

        return length;
    }

    private async ValueTask SendFarewellAsync()
    {
        var length = new NbdRequest(NbdCommandFlags.None, NbdCommand.Disconnect, 0, 0, 0).Write(batch.Span, isExtended);
        await channel.SendAllAsync(batch.Memory.Slice(0, length));
        Abort();
    }

    private async ValueTask ReceiveAllAsync()
    {
        while (true)
        {
            var reading = replies.ReadAsync();
            if (!reading.IsCompleted)
                Uncork();
            if (!await reading || IsLost)
                break;
            if (replies.Ended is not { } exchange)
                continue;

            // Why: those who go on now ask for more, and their requests go out together.
            isCorked = true;
            InFlightCount--;
            exchange.IsSent = false;
            exchange.End(replies.Result);
        }

        Abort();
        EndAll();
        isReceiving = false;
        if (!isSending)
            work.Set();
    }

    private void Uncork()
    {
        isCorked = false;
        StartSending();
    }

    // Why by index: who goes on may ask again, and is refused.
    private void EndAll()
    {
        waiting.Clear();
        for (var i = 0; i < all.Count; i++)
        {
            if (!all[i].IsPending)
                continue;
            all[i].IsSent = false;
            all[i].End(Lost);
        }

        InFlightCount = 0;
    }
}
