using System.Threading.Tasks.Sources;
using BlockUring.Native.Memory;
using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Client;

/// <summary>One request on its way and its reply: pooled by its connection, awaited once, without allocation.</summary>
internal sealed class NbdExchange(NbdConnection connection, int slot) : IValueTaskSource<int>
{
    private readonly NbdPieces pieces = new();
    private ManualResetValueTaskSourceCore<int> source;
    private uint generation;

    public NbdCommand Command { get; private set; }

    public NbdCommandFlags Flags { get; private set; }

    public long Offset { get; private set; }

    public long Length { get; private set; }

    /// <summary>What is written, or is read into.</summary>
    public IoMemory Memory { get; private set; }

    /// <summary>Tells replies to this request from those to the one before in the same place.</summary>
    public ulong Cookie => ((ulong)generation << 32) | (uint)slot;

    /// <summary>Counts the connection's requests.</summary>
    public long Number { get; set; }

    /// <summary>Whether it waits for its reply.</summary>
    public bool IsPending { get; private set; }

    /// <summary>Whether the server may answer it.</summary>
    public bool IsSent { get; set; }

    /// <summary>Whether bytes of <see cref="Memory"/> are being sent: they are nobody else's until that is over.</summary>
    public bool IsSending { get; set; }

    /// <summary>The first error that the server has told; 0 for none.</summary>
    public int Error { get; set; }

    /// <summary>The answer to block status; of length 0 while there is none.</summary>
    public NbdExtent Extent { get; set; }

    /// <summary>How it ended, while <see cref="IsSending"/> holds it up.</summary>
    public int? Result { get; private set; }

    /// <summary>Whether the whole range of a read has been answered.</summary>
    public bool IsCovered => pieces.Covers(Length);

    public ValueTask<int> Task => new(this, source.Version);

    public void Prepare(NbdCommand command, NbdCommandFlags flags, long offset, long length, IoMemory memory)
    {
        Command = command;
        Flags = flags;
        Offset = offset;
        Length = length;
        Memory = memory;
        Error = 0;
        Extent = default;
        Result = null;
        IsPending = true;
        IsSent = false;
        pieces.Clear();
        generation++;
    }

    /// <summary>Notes that a part of the range of a read has been answered.</summary>
    /// <returns>False where it had been before, or the parts are too many.</returns>
    public bool TryCover(long start, long length) => pieces.TryAdd(start, length);

    /// <summary>Ends it: 0 or a negative error number; later where its bytes are still being sent.</summary>
    public void End(int result)
    {
        IsPending = false;
        if (IsSending)
            Result = result;
        else
            source.SetResult(result);
    }

    /// <summary>Its bytes have been sent.</summary>
    public void EndSending()
    {
        IsSending = false;
        if (Result is { } result)
            source.SetResult(result);
    }

    int IValueTaskSource<int>.GetResult(short token)
    {
        var result = source.GetResult(token);
        source.Reset();
        Memory = default;
        connection.Recycle(this);
        return result;
    }

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => source.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        source.OnCompleted(continuation, state, token, flags);
}
