namespace BlockUring.Nbd.Wire;

/// <summary>What lengths and offsets an export takes (NBD protocol, "Block size constraints").</summary>
/// <param name="Minimum">Bytes; requests are multiples of it.</param>
/// <param name="Preferred">Bytes; requests that are no multiples of it cost more.</param>
/// <param name="Maximum">The most bytes of a payload.</param>
public readonly record struct NbdBlockSizes(uint Minimum, uint Preferred, uint Maximum)
{
    /// <summary>What holds where a server says nothing.</summary>
    public static NbdBlockSizes Default { get; } = new(1, 4096, NbdLimits.MaxPayloadBytes);

    /// <summary>Bytes on the wire.</summary>
    public const int Bytes = 12;

    /// <summary>Reads them, behind the kind of information.</summary>
    public static bool TryRead(ref WireReader reader, out NbdBlockSizes sizes)
    {
        sizes = default;
        if (!reader.TryRead(out uint minimum) || !reader.TryRead(out uint preferred) || !reader.TryRead(out uint maximum))
            return false;
        sizes = new(minimum, preferred, maximum);
        return true;
    }

    /// <summary>Writes them.</summary>
    public void Write(ref WireWriter writer)
    {
        writer.Write(Minimum);
        writer.Write(Preferred);
        writer.Write(Maximum);
    }
}
