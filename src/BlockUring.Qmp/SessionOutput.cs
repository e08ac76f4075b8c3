using System.Buffers;
using System.Text.Json;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Qmp.Wire;

namespace BlockUring.Qmp;

/// <summary>What waits to be sent to one client, in order.</summary>
internal sealed class SessionOutput(ByteChannel channel, bool isPretty)
{
    private readonly Signal added = new();
    private readonly Signal sent = new();
    private ArrayBufferWriter<byte> filling = new(1024);
    private ArrayBufferWriter<byte> sending = new(1024);
    private int sendingBytes;

    /// <summary>Bytes that wait.</summary>
    public int PendingBytes => filling.WrittenCount + sendingBytes;

    /// <summary>Whether nothing can be sent any more, or too much waited.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Queues a message.</summary>
    /// <returns>False when the client does not read what it is sent, and too much waits.</returns>
    public bool Add(List<(string Name, JsonElement Value)> members)
    {
        if (HasEnded)
            return true;
        WireText.WriteMessage(filling, members, isPretty);
        if (PendingBytes > WireLimits.MaxPendingBytes)
            return false;
        added.Raise();
        return true;
    }

    /// <summary>Sends what is queued until <see cref="End"/> or the client ends it.</summary>
    /// <param name="buffer">Is used meanwhile.</param>
    public async ValueTask SendAsync(IoBuffer buffer)
    {
        while (!HasEnded)
        {
            if (filling.WrittenCount == 0)
                await added.WaitAsync();
            else
                await SendFilledAsync(buffer);
        }
    }

    /// <summary>Waits until few bytes are left to be sent.</summary>
    public async ValueTask WaitForRoomAsync()
    {
        while (PendingBytes > WireLimits.ReplyPauseBytes && !HasEnded)
            await sent.WaitAsync();
    }

    /// <summary>Sends no more.</summary>
    public void End()
    {
        HasEnded = true;
        added.Raise();
        sent.Raise();
    }

    private async ValueTask SendFilledAsync(IoBuffer buffer)
    {
        (filling, sending) = (sending, filling);
        sendingBytes = sending.WrittenCount;
        while (sendingBytes > 0 && !HasEnded)
        {
            var count = Math.Min(sendingBytes, buffer.Length);
            sending.WrittenSpan.Slice(sending.WrittenCount - sendingBytes, count).CopyTo(buffer.Span);
            var taken = await channel.SendAsync(buffer.Memory.Slice(0, count));
            if (taken <= 0)
                HasEnded = true;
            else
                sendingBytes -= taken;
            sent.Raise();
        }

        if (sending.Capacity > WireLimits.MaxKeptBytes)
            sending = new(1024);
        else
            sending.ResetWrittenCount();
    }
}
