using System.Runtime.CompilerServices;
using BlockUring.Native.Interop;
using BlockUring.Nbd.Wire;
using BlockUring.Storage;

namespace BlockUring.Nbd.Client;

/// <summary>Reads replies off a connection, each checked against its request: what a server says is believed only where it makes sense.</summary>
internal sealed class NbdReplyReader(NbdInput input, NbdExport export, Func<ulong, NbdExchange?> find)
{
    private const int ErrorBytes = sizeof(uint) + sizeof(ushort);
    private const int MaxErrorBytes = ErrorBytes + NbdLimits.MaxStringBytes + sizeof(ulong);
    private const int HoleBytes = sizeof(ulong) + sizeof(uint);
    private const int MaxExtentBytes = 1 << 20;

    // Why: behind a long payload comes another one, which is not to be copied out of the buffer.
    private const int LongPayload = 64 << 10;
    private const int ShortReadAhead = 4 << 10;

    /// <summary>What the server did against the protocol; null where it has done nothing of that kind.</summary>
    public string? Violation { get; private set; }

    /// <summary>The request that the last message ended; null where it waits for more.</summary>
    public NbdExchange? Ended { get; private set; }

    /// <summary>How: 0 or a negative error number.</summary>
    public int Result { get; private set; }

    /// <summary>Reads one message.</summary>
    /// <returns>False when the connection has ended, or the server has broken the protocol.</returns>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<bool> ReadAsync()
    {
        Ended = null;
        if (!await input.FillAsync(NbdReply.MagicBytes))
            return false;
        var bytes = NbdReply.BytesOf(input.Buffered, export.Style);
        if (bytes == 0)
            return Violate("it sent no reply of a kind that was agreed");
        if (!await input.FillAsync(bytes))
            return false;
        _ = NbdReply.TryRead(input.Take(bytes), export.Style, out var reply);
        if (find(reply.Cookie) is not { } exchange)
            return Violate("it replied to a request that was not made");
        return reply.IsSimple ? await ReadSimpleAsync(reply, exchange) : await ReadChunkAsync(reply, exchange);
    }

    private static bool IsError(NbdReplyType type) => ((ushort)type & 0x8000) != 0;

    // Numbers that the protocol does not know count as EINVAL, which it says.
    private static int ErrnoOf(NbdError error) => error switch
    {
        NbdError.NotPermitted or NbdError.Io or NbdError.NoMemory or NbdError.NoSpace or NbdError.Overflow or NbdError.NotSupported
            or NbdError.Shutdown => (int)error,
        _ => Errno.EINVAL,
    };

    private bool Violate(string how)
    {
        Violation = how;
        return false;
    }

    private bool End(NbdExchange exchange, int result)
    {
        Ended = exchange;
        Result = result;
        return true;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> ReadSimpleAsync(NbdReply reply, NbdExchange exchange)
    {
        if (export.Style != NbdReplyStyle.Simple && exchange.Command is NbdCommand.Read or NbdCommand.BlockStatus)
        {
            // Errors may be simple but to reads.
            if (exchange.Command == NbdCommand.Read || reply.Error == NbdError.None)
                return Violate("it sent a simple reply where chunks were agreed");
        }

        if (reply.Error != NbdError.None)
            return End(exchange, -ErrnoOf(reply.Error));
        if (exchange.Command == NbdCommand.Read)
        {
            ChooseReadAhead(exchange.Length);
            if (!await input.ReadAsync(exchange.Memory))
                return false;
        }

        return End(exchange, 0);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> ReadChunkAsync(NbdReply reply, NbdExchange exchange)
    {
        var isDone = (reply.Flags & NbdReplyFlags.Done) != 0;
        if (export.Style == NbdReplyStyle.Extended && reply.Offset != (ulong)exchange.Offset)
            return Violate("the offset of a reply is not that of its request");
        var goesOn = reply.Type switch
        {
            NbdReplyType.None => (isDone && reply.Length == 0) || Violate("it sent an empty chunk with content, or that was not the last"),
            NbdReplyType.OffsetData => await ReadDataAsync(reply, exchange),
            NbdReplyType.OffsetHole => await ReadHoleAsync(reply, exchange),
            NbdReplyType.BlockStatus when export.Style == NbdReplyStyle.Structured => await ReadStatusAsync(reply, exchange),
            NbdReplyType.BlockStatusExtended when export.Style == NbdReplyStyle.Extended => await ReadStatusAsync(reply, exchange),
            _ when IsError(reply.Type) => await ReadErrorAsync(reply, exchange),
            _ => Violate($"it sent a chunk of unknown type {(ushort)reply.Type}"),
        };
        if (!goesOn)
            return false;
        return !isDone || Finish(exchange);
    }

    private bool Finish(NbdExchange exchange)
    {
        if (exchange.Error != 0)
            return End(exchange, -exchange.Error);
        if (exchange.Command == NbdCommand.Read && !exchange.IsCovered)
            return Violate("it left out parts of a read");
        if (exchange.Command == NbdCommand.BlockStatus && exchange.Extent.Length == 0)
            return End(exchange, -Errno.EIO);
        return End(exchange, 0);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> ReadDataAsync(NbdReply reply, NbdExchange exchange)
    {
        if (exchange.Command != NbdCommand.Read || reply.Length <= sizeof(ulong))
            return Violate("it sent data that was not asked for, or none");
        if (!await input.FillAsync(sizeof(ulong)))
            return false;
        var length = reply.Length - sizeof(ulong);
        if (!TryPlace(exchange, TakeUInt64(), length, out var start))
            return Violate("it sent data outside of the range of the read, or twice");
        ChooseReadAhead((long)length);
        return await input.ReadAsync(exchange.Memory.Slice(start, (int)length));
    }

    private async ValueTask<bool> ReadHoleAsync(NbdReply reply, NbdExchange exchange)
    {
        if (exchange.Command != NbdCommand.Read || reply.Length != HoleBytes)
            return Violate("it sent a hole that was not asked for, or is malformed");
        if (!await input.FillAsync(HoleBytes))
            return false;
        var offset = TakeUInt64();
        var length = TakeUInt32();
        if (length == 0 || !TryPlace(exchange, offset, length, out var start))
            return Violate("it sent a hole outside of the range of the read, or twice");
        exchange.Memory.Span.Slice(start, (int)length).Clear();
        return true;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> ReadStatusAsync(NbdReply reply, NbdExchange exchange)
    {
        var isExtended = export.Style == NbdReplyStyle.Extended;
        var head = isExtended ? 2 * sizeof(uint) : sizeof(uint);
        var each = NbdExtent.Bytes(isExtended);
        if (exchange.Command != NbdCommand.BlockStatus || exchange.Extent.Length != 0)
            return Violate("it sent a block status that was not asked for, or twice");
        if (reply.Length < (ulong)(head + each) || reply.Length > MaxExtentBytes || (reply.Length - (ulong)head) % (ulong)each != 0)
            return Violate("it sent a malformed block status");
        if (!await input.FillAsync(head + each))
            return false;
        if (!TryTakeExtent(head + each, isExtended, reply.Length, out var context, out var extent))
            return Violate("it sent a malformed block status");
        if (context != export.ContextId || extent.Length == 0)
            return Violate("it sent a block status of another context, or of nothing");
        exchange.Extent = extent;
        return await input.SkipAsync((long)reply.Length - head - each);
    }

    private bool TryTakeExtent(int count, bool isExtended, ulong length, out uint context, out NbdExtent extent)
    {
        extent = default;
        var reader = new WireReader(input.Take(count));
        if (!reader.TryRead(out context))
            return false;
        if (isExtended && (!reader.TryRead(out uint extents) || extents != (length - 2 * sizeof(uint)) / (ulong)NbdExtent.Bytes(true)))
            return false;
        return NbdExtent.TryRead(ref reader, isExtended, out extent);
    }

    private async ValueTask<bool> ReadErrorAsync(NbdReply reply, NbdExchange exchange)
    {
        if (reply.Length is < ErrorBytes or > MaxErrorBytes)
            return Violate("it sent a malformed error");
        if (!await input.FillAsync((int)reply.Length))
            return false;
        if (!IsSoundError(reply.Type, new WireReader(input.Take((int)reply.Length)), exchange, out var error))
            return Violate("it sent a malformed error");
        if (exchange.Error == 0)
            exchange.Error = ErrnoOf(error);
        return true;
    }

    private static bool IsSoundError(NbdReplyType type, WireReader reader, NbdExchange exchange, out NbdError error)
    {
        _ = reader.TryRead(out uint number);
        _ = reader.TryRead(out ushort textLength);
        error = (NbdError)number;
        if (number == 0 || !reader.TryReadBytes(textLength, out _))
            return false;
        return type switch
        {
            NbdReplyType.Error => reader.IsAtEnd,
            NbdReplyType.ErrorOffset => reader.TryRead(out ulong offset) && reader.IsAtEnd
                && offset >= (ulong)exchange.Offset && offset - (ulong)exchange.Offset <= (ulong)exchange.Length,
            _ => true,
        };
    }

    private bool TryPlace(NbdExchange exchange, ulong offset, ulong length, out int start)
    {
        start = 0;
        if (offset < (ulong)exchange.Offset || offset - (ulong)exchange.Offset > (ulong)exchange.Length)
            return false;
        var distance = offset - (ulong)exchange.Offset;
        if (length > (ulong)exchange.Length - distance || !exchange.TryCover((long)distance, (long)length))
            return false;
        start = (int)distance;
        return true;
    }

    private void ChooseReadAhead(long payload) => input.ReadAhead = payload >= LongPayload ? ShortReadAhead : NbdInput.Capacity;

    private ulong TakeUInt64()
    {
        var reader = new WireReader(input.Take(sizeof(ulong)));
        _ = reader.TryRead(out ulong value);
        return value;
    }

    private uint TakeUInt32()
    {
        var reader = new WireReader(input.Take(sizeof(uint)));
        _ = reader.TryRead(out uint value);
        return value;
    }
}
