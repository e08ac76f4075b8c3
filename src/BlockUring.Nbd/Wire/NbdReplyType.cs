namespace BlockUring.Nbd.Wire;

/// <summary>Types of chunks of structured replies; errors have the highest bit.</summary>
public enum NbdReplyType : ushort
{
    /// <summary>Nothing more to say.</summary>
    None = 0,

    /// <summary>Offset and data.</summary>
    OffsetData = 1,

    /// <summary>Offset and length (32 bits) of zeroes.</summary>
    OffsetHole = 2,

    /// <summary>Context and extents of 32 bits.</summary>
    BlockStatus = 5,

    /// <summary>Context, count and extents of 64 bits.</summary>
    BlockStatusExtended = 6,

    /// <summary>An error with a message.</summary>
    Error = 0x8001,

    /// <summary>An error with a message, and the offset where.</summary>
    ErrorOffset = 0x8002,
}
