namespace BlockUring.Nbd.Wire;

/// <summary>An option of a client, without its data.</summary>
/// <param name="Option">Which. May be a number that the protocol does not know.</param>
/// <param name="Length">Bytes of data that follow.</param>
/// <remarks>16 bytes: magic (64), option (32), length (32). (NBD protocol, "Fixed newstyle negotiation".)</remarks>
public readonly record struct NbdOptionHeader(NbdOption Option, uint Length)
{
    /// <summary>Reads a header.</summary>
    /// <param name="source">At least <see cref="NbdLimits.OptionBytes"/>.</param>
    /// <param name="header">The header.</param>
    /// <returns>False where it is none.</returns>
    public static bool TryRead(ReadOnlySpan<byte> source, out NbdOptionHeader header)
    {
        header = default;
        var reader = new WireReader(source);
        if (!reader.TryRead(out ulong magic) || magic != NbdMagic.Option || !reader.TryRead(out uint option) || !reader.TryRead(out uint length))
            return false;
        header = new((NbdOption)option, length);
        return true;
    }

    /// <summary>Writes the header.</summary>
    /// <returns>Bytes written.</returns>
    public int Write(Span<byte> target)
    {
        var writer = new WireWriter(target);
        writer.Write(NbdMagic.Option);
        writer.Write((uint)Option);
        writer.Write(Length);
        return writer.Length;
    }
}
