namespace BlockUring.Nbd.Wire;

/// <summary>The header of a reply or of a chunk of one, without its payload.</summary>
/// <param name="IsSimple">Whether it is a simple reply: <see cref="Error"/> says the rest, data follows a read that worked.</param>
/// <param name="Flags">Of a chunk.</param>
/// <param name="Type">Of a chunk. May be a number that the protocol does not know.</param>
/// <param name="Cookie">The request's.</param>
/// <param name="Offset">The request's, with extended headers; else 0.</param>
/// <param name="Length">Bytes of payload that follow a chunk's header.</param>
/// <param name="Error">Of a simple reply.</param>
/// <remarks>
/// Simple, 16 bytes: magic (32), error (32), cookie (64). Structured, 20 bytes: magic (32), flags (16), type (16), cookie (64), length (32).
/// Extended, 32 bytes: magic (32), flags (16), type (16), cookie (64), offset (64), length (64). (NBD protocol, "Transmission".)
/// </remarks>
public readonly record struct NbdReply(
    bool IsSimple, NbdReplyFlags Flags, NbdReplyType Type, ulong Cookie, ulong Offset, ulong Length, NbdError Error)
{
    /// <summary>Bytes that tell which kind of header it is.</summary>
    public const int MagicBytes = 4;

    /// <summary>A simple reply.</summary>
    public static NbdReply Simple(ulong cookie, NbdError error) => new(true, NbdReplyFlags.Done, NbdReplyType.None, cookie, 0, 0, error);

    /// <summary>A chunk.</summary>
    public static NbdReply Chunk(NbdReplyFlags flags, NbdReplyType type, ulong cookie, ulong offset, ulong length) =>
        new(false, flags, type, cookie, offset, length, NbdError.None);

    /// <summary>How long the header is that begins with some bytes.</summary>
    /// <param name="start">At least <see cref="MagicBytes"/>.</param>
    /// <param name="style">What was agreed.</param>
    /// <returns>Bytes; 0 for what was not agreed or is no header.</returns>
    public static int BytesOf(ReadOnlySpan<byte> start, NbdReplyStyle style)
    {
        var reader = new WireReader(start);
        if (!reader.TryRead(out uint magic))
            return 0;
        return magic switch
        {
            NbdMagic.SimpleReply when style != NbdReplyStyle.Extended => NbdLimits.SimpleReplyBytes,
            NbdMagic.StructuredReply when style == NbdReplyStyle.Structured => NbdLimits.StructuredReplyBytes,
            NbdMagic.ExtendedReply when style == NbdReplyStyle.Extended => NbdLimits.ExtendedReplyBytes,
            _ => 0,
        };
    }

    /// <summary>Bytes of the header that <see cref="Write"/> makes.</summary>
    public int Bytes(NbdReplyStyle style) => (IsSimple, style) switch
    {
        (true, _) => NbdLimits.SimpleReplyBytes,
        (_, NbdReplyStyle.Extended) => NbdLimits.ExtendedReplyBytes,
        _ => NbdLimits.StructuredReplyBytes,
    };

    /// <summary>Reads a header.</summary>
    /// <param name="source">As many bytes as <see cref="BytesOf"/> says, at least.</param>
    /// <param name="style">What was agreed.</param>
    /// <param name="reply">The header.</param>
    /// <returns>False where it is none, or not of a kind that was agreed: the peers are out of step.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, NbdReplyStyle style, out NbdReply reply)
    {
        reply = default;
        var bytes = BytesOf(source, style);
        if (bytes == 0 || source.Length < bytes)
            return false;
        var reader = new WireReader(source[MagicBytes..]);
        ulong cookie;
        if (bytes == NbdLimits.SimpleReplyBytes)
        {
            _ = reader.TryRead(out uint error);
            _ = reader.TryRead(out cookie);
            reply = Simple(cookie, (NbdError)error);
            return true;
        }

        _ = reader.TryRead(out ushort flags);
        _ = reader.TryRead(out ushort type);
        _ = reader.TryRead(out cookie);
        ulong offset = 0;
        ulong length;
        if (style == NbdReplyStyle.Extended)
        {
            _ = reader.TryRead(out offset);
            _ = reader.TryRead(out length);
        }
        else
        {
            _ = reader.TryRead(out uint compact);
            length = compact;
        }

        reply = Chunk((NbdReplyFlags)flags, (NbdReplyType)type, cookie, offset, length);
        return true;
    }

    /// <summary>Writes the header.</summary>
    /// <param name="target">At least <see cref="Bytes"/>.</param>
    /// <param name="style">What was agreed.</param>
    /// <returns>Bytes written.</returns>
    public int Write(Span<byte> target, NbdReplyStyle style)
    {
        var writer = new WireWriter(target);
        if (IsSimple)
        {
            writer.Write(NbdMagic.SimpleReply);
            writer.Write((uint)Error);
            writer.Write(Cookie);
            return writer.Length;
        }

        writer.Write(style == NbdReplyStyle.Extended ? NbdMagic.ExtendedReply : NbdMagic.StructuredReply);
        writer.Write((ushort)Flags);
        writer.Write((ushort)Type);
        writer.Write(Cookie);
        if (style == NbdReplyStyle.Extended)
        {
            writer.Write(Offset);
            writer.Write(Length);
        }
        else
        {
            writer.Write(checked((uint)Length));
        }

        return writer.Length;
    }
}
