namespace BlockUring.Nbd.Wire;

/// <summary>Sizes that the protocol and its peers hold to.</summary>
public static class NbdLimits
{
    /// <summary>The longest name of an export, description of one, or name of a metadata context, in bytes of UTF-8.</summary>
    public const int MaxStringBytes = 4096;

    /// <summary>The longest payload of a read or write: what every peer accepts when nothing else was agreed, and QEMU's limit.</summary>
    public const int MaxPayloadBytes = 32 << 20;

    /// <summary>The longest data of an option that is taken; what is longer ends the connection.</summary>
    public const int MaxOptionBytes = 32 << 20;

    /// <summary>Bytes of a request with a compact header.</summary>
    public const int RequestBytes = 28;

    /// <summary>Bytes of a request with an extended header.</summary>
    public const int ExtendedRequestBytes = 32;

    /// <summary>Bytes of a simple reply before its payload.</summary>
    public const int SimpleReplyBytes = 16;

    /// <summary>Bytes of a chunk of a structured reply before its payload.</summary>
    public const int StructuredReplyBytes = 20;

    /// <summary>Bytes of a chunk with extended headers before its payload.</summary>
    public const int ExtendedReplyBytes = 32;

    /// <summary>Bytes of an option before its data.</summary>
    public const int OptionBytes = 16;

    /// <summary>Bytes of an option's reply before its data.</summary>
    public const int OptionReplyBytes = 20;
}
