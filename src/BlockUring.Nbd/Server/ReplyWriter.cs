using System.Text;
using BlockUring.Native.Memory;
using BlockUring.Nbd.Wire;

namespace BlockUring.Nbd.Server;

/// <summary>Puts replies into the sender in the style that was agreed.</summary>
/// <param name="sender">Takes them.</param>
/// <param name="style">What was agreed.</param>
internal sealed class ReplyWriter(ReplySender sender, NbdReplyStyle style)
{
    // What is looked at for zeroes, and may be left out.
    private const int HoleUnit = 64 << 10;

    private const int OffsetBytes = 8;
    private const int HoleBytes = 12;

    private bool IsExtended => style == NbdReplyStyle.Extended;

    /// <summary>What a piece of a read has found; the payload is handed on.</summary>
    /// <param name="piece">Has not failed.</param>
    /// <param name="isLast">Whether this ends the reply.</param>
    public void WriteData(ServerPiece piece, bool isLast)
    {
        var length = (int)piece.Length;
        if (style == NbdReplyStyle.Simple)
        {
            WriteSimple(piece.Request, NbdError.None, length is > 0 and <= ReplySender.MaxCopiedBytes ? piece : null);
            if (piece.Buffer != null && length > 0)
                sender.AddPayload(piece.TakeBuffer(), 0, length);
            return;
        }

        if (length == 0)
        {
            WriteChunk(piece.Request, isLast, NbdReplyType.None, 0);
            return;
        }

        var (start, stop) = FindData(piece);
        if (start > 0)
            WriteHole(piece, 0, start, isLast && start == length);
        if (start == length)
            return;
        WriteContent(piece, start, stop, isLast && stop == length);
        if (stop < length)
            WriteHole(piece, stop, length, isLast);
    }

    /// <summary>The end of a request that has no data, or that has failed.</summary>
    public void WriteEnd(ServerRequest request)
    {
        if (style == NbdReplyStyle.Simple || (style == NbdReplyStyle.Structured && request.Error == NbdError.None && request.Extents == null))
            WriteSimple(request, request.Error, null);
        else if (request.Error != NbdError.None)
            WriteError(request);
        else if (request.Extents != null)
            WriteExtents(request);
        else
            WriteChunk(request, true, NbdReplyType.None, 0);
    }

    /// <summary>What block status tells, a chunk for each, in the order of a request's extents.</summary>
    public IReadOnlyList<MetaContext> Contexts { get; init; } = [];

    private void WriteSimple(ServerRequest request, NbdError error, ServerPiece? data)
    {
        var reply = NbdReply.Simple(request.Header.Cookie, error);
        var room = sender.Gather(NbdLimits.SimpleReplyBytes + (data == null ? 0 : (int)data.Length));
        var length = reply.Write(room, style);
        if (data == null)
            return;
        data.Memory.Span.CopyTo(room[length..]);
        data.DropBuffer();
    }

    private void WriteContent(ServerPiece piece, int start, int stop, bool isEnd)
    {
        var length = stop - start;
        var isCopied = length <= ReplySender.MaxCopiedBytes;
        var room = WriteChunk(piece.Request, isEnd, NbdReplyType.OffsetData, OffsetBytes + length, isCopied ? OffsetBytes + length : OffsetBytes);
        var writer = new WireWriter(room);
        writer.Write((ulong)(piece.Offset + start));
        if (isCopied)
            writer.Write(piece.Memory.Span[start..stop]);
        else
            sender.AddPayload(piece.TakeBuffer(), start, length);
    }

    private void WriteHole(ServerPiece piece, int start, int stop, bool isEnd)
    {
        var writer = new WireWriter(WriteChunk(piece.Request, isEnd, NbdReplyType.OffsetHole, HoleBytes));
        writer.Write((ulong)(piece.Offset + start));
        writer.Write((uint)(stop - start));
    }

    private void WriteError(ServerRequest request)
    {
        var message = request.Message.Length <= NbdLimits.MaxStringBytes / 4 ? request.Message : request.Message[..(NbdLimits.MaxStringBytes / 4)];
        var room = WriteChunk(request, true, NbdReplyType.Error, sizeof(uint) + sizeof(ushort) + Encoding.UTF8.GetByteCount(message));
        var writer = new WireWriter(room);
        writer.Write((uint)request.Error);
        writer.WriteShortLengthAndText(message);
    }

    private void WriteExtents(ServerRequest request)
    {
        for (var i = 0; i < Contexts.Count; i++)
        {
            var extents = request.Extents![i];
            var headBytes = IsExtended ? 2 * sizeof(uint) : sizeof(uint);
            var type = IsExtended ? NbdReplyType.BlockStatusExtended : NbdReplyType.BlockStatus;
            var room = WriteChunk(request, i == Contexts.Count - 1, type, headBytes + (extents.Count * NbdExtent.Bytes(IsExtended)));
            var writer = new WireWriter(room);
            writer.Write(Contexts[i].Id);
            if (IsExtended)
                writer.Write((uint)extents.Count);
            foreach (var extent in extents)
                extent.Write(ref writer, IsExtended);
        }
    }

    private Span<byte> WriteChunk(ServerRequest request, bool isEnd, NbdReplyType type, int payload) =>
        WriteChunk(request, isEnd, type, payload, payload);

    // Answers the room for the first bytes of the payload.
    private Span<byte> WriteChunk(ServerRequest request, bool isEnd, NbdReplyType type, int payload, int gathered)
    {
        var header = request.Header;
        var flags = isEnd ? NbdReplyFlags.Done : NbdReplyFlags.None;
        var chunk = NbdReply.Chunk(flags, type, header.Cookie, header.Offset, (ulong)payload);
        var room = sender.Gather(chunk.Bytes(style) + gathered);
        return room[chunk.Write(room, style)..];
    }

    // Where the data begins and ends between zeroes, in whole units. Why not every hole: the payload leaves in one piece, uncopied.
    private static (int Start, int Stop) FindData(ServerPiece piece)
    {
        var data = (ReadOnlySpan<byte>)piece.Memory.Span;
        var (start, stop) = (0, data.Length);
        if (data.Length < HoleUnit)
            return (start, stop);
        if ((piece.Request.Header.Flags & NbdCommandFlags.DoNotFragment) != 0)
            return ZeroDetector.IsZero(data) ? (stop, stop) : (start, stop);
        while (start < stop && ZeroDetector.IsZero(data[start..Math.Min(start + HoleUnit, stop)]))
            start = Math.Min(start + HoleUnit, stop);
        while (stop > start && ZeroDetector.IsZero(data[Math.Max(start, stop - HoleUnit)..stop]))
            stop = Math.Max(start, stop - HoleUnit);
        return start == data.Length ? (start, start) : (start, stop);
    }
}
