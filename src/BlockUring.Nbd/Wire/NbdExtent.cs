namespace BlockUring.Nbd.Wire;

/// <summary>A run in the reply to block status.</summary>
/// <param name="Length">Bytes.</param>
/// <param name="Flags">What the context says of it: <see cref="NbdContexts"/>.</param>
public readonly record struct NbdExtent(ulong Length, ulong Flags)
{
    /// <summary>Bytes of an extent on the wire.</summary>
    public static int Bytes(bool isExtended) => isExtended ? 16 : 8;

    /// <summary>Reads an extent.</summary>
    public static bool TryRead(ref WireReader reader, bool isExtended, out NbdExtent extent)
    {
        extent = default;
        if (isExtended)
        {
            if (!reader.TryRead(out ulong length) || !reader.TryRead(out ulong flags))
                return false;
            extent = new(length, flags);
            return true;
        }

        if (!reader.TryRead(out uint shortLength) || !reader.TryRead(out uint shortFlags))
            return false;
        extent = new(shortLength, shortFlags);
        return true;
    }

    /// <summary>Writes the extent.</summary>
    public void Write(ref WireWriter writer, bool isExtended)
    {
        if (isExtended)
        {
            writer.Write(Length);
            writer.Write(Flags);
            return;
        }

        writer.Write(checked((uint)Length));
        writer.Write(checked((uint)Flags));
    }
}
