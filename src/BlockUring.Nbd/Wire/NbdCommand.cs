namespace BlockUring.Nbd.Wire;

/// <summary>Types of requests.</summary>
public enum NbdCommand : ushort
{
    /// <summary>Sends data back.</summary>
    Read = 0,

    /// <summary>Takes data.</summary>
    Write = 1,

    /// <summary>Ends the connection, without an answer, when all requests have ended.</summary>
    Disconnect = 2,

    /// <summary>Makes what was answered durable.</summary>
    Flush = 3,

    /// <summary>The range is not needed any more.</summary>
    Trim = 4,

    /// <summary>The range is wanted soon.</summary>
    Cache = 5,

    /// <summary>Writes zeroes.</summary>
    WriteZeroes = 6,

    /// <summary>Says what the range is, in each negotiated context.</summary>
    BlockStatus = 7,

    /// <summary>Changes the length (an experiment of the protocol).</summary>
    Resize = 8,
}
