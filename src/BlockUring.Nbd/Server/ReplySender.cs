using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Nbd.Server;

/// <summary>
/// Sends the replies of one connection. Small ones are gathered in a buffer, so that all that were ready at once leave with one call; long payloads
/// leave from where they were read to.
/// </summary>
/// <param name="scheduler">The connection's thread.</param>
/// <param name="channel">Where to; not owned.</param>
/// <param name="sent">Told of what has left: pieces and bytes. After a failure all that comes is told of as if it had been sent.</param>
internal sealed class ReplySender(Scheduler scheduler, ByteChannel channel, Action<int, long> sent)
{
    /// <summary>Payloads up to this are copied: that costs less than another call.</summary>
    public const int MaxCopiedBytes = 32 << 10;

    /// <summary>What is copied at most for one reply, with its header.</summary>
    public const int GatherBytes = 256 << 10;

    private const int HeaderBytes = 4096;

    private readonly Queue<ReplySegment> segments = new();
    private readonly Stack<ReplySegment> idle = new();
    private readonly WakeSignal wake = new();
    private ReplySegment? last;
    private Action? wakeLast;
    private bool isWoken;
    private bool isEnding;

    /// <summary>Whether the peer takes nothing any more.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Makes room for bytes that are copied into the next call.</summary>
    /// <param name="length">1 to <see cref="GatherBytes"/>.</param>
    /// <returns>To be filled at once.</returns>
    public Span<byte> Gather(int length)
    {
        if (last is not { IsGathering: true } || last.Buffer!.Length - last.End < length)
        {
            // Why two lengths: what comes right behind a payload is the header of another one, as a rule.
            var isBehindPayload = last is { IsGathering: false };
            if (HasFailed || !TryRent(isBehindPayload && length <= HeaderBytes ? HeaderBytes : GatherBytes, out var buffer))
                return new byte[length];
            last = idle.TryPop(out var segment) ? segment : new();
            (last.Buffer, last.Start, last.End, last.IsGathering) = (buffer, 0, 0, true);
            segments.Enqueue(last);
        }

        var room = last.Buffer.Span.Slice(last.End, length);
        last.End += length;
        Wake();
        return room;
    }

    /// <summary>Sends a payload behind all that came before.</summary>
    /// <param name="buffer">Owned from now on.</param>
    /// <param name="start">The first byte.</param>
    /// <param name="length">Bytes.</param>
    public void AddPayload(IoBuffer buffer, int start, int length)
    {
        last = idle.TryPop(out var segment) ? segment : new();
        (last.Buffer, last.Start, last.End, last.IsGathering) = (buffer, start, start + length, false);
        segments.Enqueue(last);
        Wake();
    }

    /// <summary>A piece of a request is done with when all that was added so far is sent.</summary>
    public void AddEnd(long bytes)
    {
        if (last == null)
        {
            // Nothing of it is left to be sent, or it had no answer of its own.
            sent(1, bytes);
            return;
        }

        last.PieceCount++;
        last.PieceBytes += bytes;
    }

    /// <summary>Ends <see cref="RunAsync"/> when all is sent.</summary>
    public void End()
    {
        isEnding = true;
        wake.Set();
    }

    /// <summary>Sends until the end.</summary>
    public async ValueTask RunAsync()
    {
        while (true)
        {
            if (!segments.TryDequeue(out var segment))
            {
                if (isEnding)
                    return;
                await wake.WaitAsync();
                isWoken = false;
                continue;
            }

            if (last == segment)
                last = null;
            if (!HasFailed && !await SendWholeAsync(segment.Memory))
                await FailAsync();
            Release(segment);
        }
    }

    // Without memory for a reply the connection cannot go on.
    private bool TryRent(int length, [NotNullWhen(true)] out IoBuffer? buffer)
    {
        buffer = null;
        try
        {
            buffer = scheduler.Buffers.Rent(length);
            return true;
        }
        catch (InsufficientMemoryException)
        {
            scheduler.Detach(FailAsync());
            return false;
        }
    }

    private async ValueTask FailAsync()
    {
        HasFailed = true;
        // Why: whoever does not take replies sends no more requests either.
        await channel.ShutdownAsync();
    }

    private void Release(ReplySegment segment)
    {
        var (pieces, bytes) = (segment.PieceCount, segment.PieceBytes);
        segment.Buffer!.Dispose();
        (segment.Buffer, segment.PieceCount, segment.PieceBytes) = (null, 0, 0);
        idle.Push(segment);
        if (pieces > 0)
            sent(pieces, bytes);
    }

    // Why last: all requests that ended in this turn of the ring leave with one call.
    private void Wake()
    {
        if (isWoken)
            return;
        isWoken = true;
        scheduler.RunLast(wakeLast ??= wake.Set);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> SendWholeAsync(IoMemory memory)
    {
        while (memory.Length > 0)
        {
            var count = await channel.SendAsync(memory);
            if (count <= 0)
                return false;
            memory = memory.Slice(count);
        }

        return true;
    }
}
