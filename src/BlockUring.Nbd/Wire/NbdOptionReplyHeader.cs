namespace BlockUring.Nbd.Wire;

/// <summary>A server's reply to an option, without its data.</summary>
/// <param name="Option">The option's number.</param>
/// <param name="Reply">What it says. May be a number that the protocol does not know.</param>
/// <param name="Length">Bytes of data that follow.</param>
/// <remarks>20 bytes: magic (64), option (32), reply (32), length (32). (NBD protocol, "Fixed newstyle negotiation".)</remarks>
public readonly record struct NbdOptionReplyHeader(NbdOption Option, NbdOptionReply Reply, uint Length)
{
    /// <summary>Whether the option was refused.</summary>
    public bool IsError => ((uint)Reply & 0x8000_0000) != 0;

    /// <summary>Reads a header.</summary>
    /// <param name="source">At least <see cref="NbdLimits.OptionReplyBytes"/>.</param>
    /// <param name="header">The header.</param>
    /// <returns>False where it is none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out NbdOptionReplyHeader header)
    {
        header = default;
        var reader = new WireReader(source);
        if (!reader.TryRead(out ulong magic) || magic != NbdMagic.OptionReply || !reader.TryRead(out uint option)
            || !reader.TryRead(out uint reply) || !reader.TryRead(out uint length))
        {
            return false;
        }

        header = new((NbdOption)option, (NbdOptionReply)reply, length);
        return true;
    }

    /// <summary>Writes the header.</summary>
    /// <returns>Bytes written.</returns>
    public int Write(Span<byte> target)
    {
        var writer = new WireWriter(target);
        writer.Write(NbdMagic.OptionReply);
        writer.Write((uint)Option);
        writer.Write((uint)Reply);
        writer.Write(Length);
        return writer.Length;
    }
}
