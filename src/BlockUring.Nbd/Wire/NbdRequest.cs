namespace BlockUring.Nbd.Wire;

/// <summary>A request of the transmission phase, without its payload.</summary>
/// <param name="Flags">How it is meant.</param>
/// <param name="Command">What is asked for. May be a number that the protocol does not know.</param>
/// <param name="Cookie">The client's own; comes back with the reply.</param>
/// <param name="Offset">Bytes; not checked against anything.</param>
/// <param name="Length">Bytes; at most 32 bits with a compact header.</param>
/// <remarks>
/// Compact, 28 bytes: magic (32), flags (16), type (16), cookie (64), offset (64), length (32). Extended, 32 bytes: the same with another magic
/// number and a length of 64 bits. (NBD protocol, "Request message", "Extended request message".)
/// </remarks>
public readonly record struct NbdRequest(NbdCommandFlags Flags, NbdCommand Command, ulong Cookie, ulong Offset, ulong Length)
{
    /// <summary>Bytes of a request on the wire before its payload.</summary>
    public static int Bytes(bool isExtended) => isExtended ? NbdLimits.ExtendedRequestBytes : NbdLimits.RequestBytes;

    /// <summary>Reads a request.</summary>
    /// <param name="source">At least <see cref="Bytes"/>.</param>
    /// <param name="isExtended">Whether extended headers were agreed.</param>
    /// <param name="request">The request.</param>
    /// <returns>False where the magic number is wrong or bytes are missing: the peers are out of step.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, bool isExtended, out NbdRequest request)
    {
        request = default;
        var reader = new WireReader(source);
        if (!reader.TryRead(out uint magic) || magic != (isExtended ? NbdMagic.ExtendedRequest : NbdMagic.Request))
            return false;
        if (!reader.TryRead(out ushort flags) || !reader.TryRead(out ushort command) || !reader.TryRead(out ulong cookie)
            || !reader.TryRead(out ulong offset))
        {
            return false;
        }

        if (!TryReadLength(ref reader, isExtended, out var length))
            return false;
        request = new((NbdCommandFlags)flags, (NbdCommand)command, cookie, offset, length);
        return true;
    }

    /// <summary>Writes the request.</summary>
    /// <param name="target">At least <see cref="Bytes"/>.</param>
    /// <param name="isExtended">Whether extended headers were agreed.</param>
    /// <returns>Bytes written.</returns>
    public int Write(Span<byte> target, bool isExtended)
    {
        var writer = new WireWriter(target);
        writer.Write(isExtended ? NbdMagic.ExtendedRequest : NbdMagic.Request);
        writer.Write((ushort)Flags);
        writer.Write((ushort)Command);
        writer.Write(Cookie);
        writer.Write(Offset);
        if (isExtended)
            writer.Write(Length);
        else
            writer.Write(checked((uint)Length));
        return writer.Length;
    }

    private static bool TryReadLength(ref WireReader reader, bool isExtended, out ulong length)
    {
        if (isExtended)
            return reader.TryRead(out length);
        var isThere = reader.TryRead(out uint compact);
        length = compact;
        return isThere;
    }
}
