namespace BlockUring.Nbd.Wire;

/// <summary>What replies look like, as agreed in the handshake.</summary>
public enum NbdReplyStyle
{
    /// <summary>One header and perhaps the data.</summary>
    Simple,

    /// <summary>Chunks; replies to all but reads and block status may still be simple.</summary>
    Structured,

    /// <summary>Chunks with extended headers, always.</summary>
    Extended,
}
