using BlockUring.Native.Channels;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using Xunit;

namespace BlockUring.NativeTests.Channels;

/// <summary>One end of a connection in memory that holds a bounded number of bytes each way, moves them in pieces, and can be told to change some.</summary>
internal sealed class WireChannel : ByteChannel
{
    private readonly Random random;
    private readonly int capacity;
    private readonly Queue<byte> arrived = new();
    private WireChannel other = null!;
    private TaskCompletionSource? receiver;
    private TaskCompletionSource? sender;
    private bool isEnded;

    private WireChannel(Random random, int capacity)
    {
        this.random = random;
        this.capacity = capacity;
    }

    /// <summary>Changes what is sent through this end; null for nothing. Gets the position of the first byte.</summary>
    public Func<long, byte[], byte[]>? Tamper { get; set; }

    public long SentBytes { get; private set; }

    public bool IsDisposed { get; private set; }

    /// <summary>Whether pieces are as long as they can be.</summary>
    public bool IsWhole { get; init; }

    public static (WireChannel One, WireChannel Other) Pair(Random random, int capacity = 100_000, bool isWhole = false)
    {
        var one = new WireChannel(random, capacity) { IsWhole = isWhole };
        var other = new WireChannel(random, capacity) { other = one, IsWhole = isWhole };
        one.other = other;
        return (one, other);
    }

    public override async ValueTask<int> ReceiveAsync(IoMemory destination)
    {
        while (arrived.Count == 0)
        {
            if (isEnded || other.isEnded)
                return 0;
            receiver = new();
            await receiver.Task;
        }

        var count = Piece(Math.Min(arrived.Count, destination.Length));
        for (var i = 0; i < count; i++)
            destination.Span[i] = arrived.Dequeue();
        Wake(ref other.sender);
        return count;
    }

    public override async ValueTask<int> SendAsync(IoMemory source)
    {
        while (other.arrived.Count >= capacity)
        {
            if (isEnded || other.isEnded)
                return -Errno.EPIPE;
            sender = new();
            await sender.Task;
        }

        if (isEnded || other.isEnded)
            return -Errno.EPIPE;
        var count = Piece(Math.Min(capacity - other.arrived.Count, source.Length));
        var bytes = source.Span[..count].ToArray();
        if (Tamper != null)
            bytes = Tamper(SentBytes, bytes);
        SentBytes += count;
        foreach (var value in bytes)
            other.arrived.Enqueue(value);
        Wake(ref other.receiver);
        return count;
    }

    public override ValueTask ShutdownAsync()
    {
        End();
        return default;
    }

    protected override void Dispose(bool isDisposing)
    {
        Assert.False(IsDisposed);
        IsDisposed = true;
        End();
    }

    private void End()
    {
        isEnded = true;
        Wake(ref receiver);
        Wake(ref sender);
        Wake(ref other.receiver);
        Wake(ref other.sender);
    }

    private int Piece(int most) => IsWhole ? most : random.Next(4) == 0 ? random.Next(1, most + 1) : most;

    private static void Wake(ref TaskCompletionSource? waiter)
    {
        var woken = waiter;
        waiter = null;
        woken?.SetResult();
    }
}
