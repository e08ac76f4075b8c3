using System.Buffers;
using BlockUring.Native.Channels;
using BlockUring.Native.Memory;
using BlockUring.Qmp;

namespace BlockUring.Tests.Qmp;

/// <summary>A connection inside the process: what the other side writes is received, what is sent is kept for it.</summary>
internal sealed class MemoryChannel : ByteChannel
{
    private readonly Signal arrived = new();
    private readonly Signal room = new();
    private readonly Queue<byte> incoming = new();
    private readonly ArrayBufferWriter<byte> outgoing = new();
    private bool isClosed;

    /// <summary>Bytes that the other side takes before it stops reading.</summary>
    public int MaxOutgoingBytes { get; set; } = int.MaxValue;

    /// <summary>The most that is received at a time, to cut messages anywhere.</summary>
    public int MaxTransferBytes { get; set; } = int.MaxValue;

    /// <summary>Bytes that were written and not received.</summary>
    public int WaitingBytes => incoming.Count;

    /// <summary>Whether the connection was ended from this side.</summary>
    public bool IsShutDown { get; private set; }

    /// <summary>Hands bytes to this side.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        foreach (var one in bytes)
            incoming.Enqueue(one);
        arrived.Raise();
    }

    /// <summary>Takes all that was sent so far.</summary>
    public byte[] Take()
    {
        var taken = outgoing.WrittenSpan.ToArray();
        outgoing.ResetWrittenCount();
        room.Raise();
        return taken;
    }

    /// <summary>Ends the connection from the other side.</summary>
    public void Close()
    {
        isClosed = true;
        arrived.Raise();
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReceiveAsync(IoMemory destination)
    {
        while (incoming.Count == 0 && !isClosed && !IsShutDown)
            await arrived.WaitAsync();
        if (IsShutDown)
            return 0;
        var count = Math.Min(Math.Min(destination.Length, incoming.Count), MaxTransferBytes);
        for (var i = 0; i < count; i++)
            destination.Span[i] = incoming.Dequeue();
        return count;
    }

    /// <inheritdoc/>
    public override async ValueTask<int> SendAsync(IoMemory source)
    {
        while (outgoing.WrittenCount >= MaxOutgoingBytes && !IsShutDown)
            await room.WaitAsync();
        if (IsShutDown)
            return 0;
        var count = Math.Min(source.Length, MaxOutgoingBytes - outgoing.WrittenCount);
        outgoing.Write(source.Span[..count]);
        return count;
    }

    /// <inheritdoc/>
    public override ValueTask ShutdownAsync()
    {
        IsShutDown = true;
        arrived.Raise();
        room.Raise();
        return default;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool isDisposing) => IsShutDown = true;
}
