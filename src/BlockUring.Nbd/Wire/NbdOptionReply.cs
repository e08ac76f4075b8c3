namespace BlockUring.Nbd.Wire;

/// <summary>Types of replies to options; errors have the highest bit.</summary>
public enum NbdOptionReply : uint
{
    /// <summary>Done.</summary>
    Acknowledge = 1,

    /// <summary>One export of a list.</summary>
    Server = 2,

    /// <summary>One <see cref="NbdInfo"/> of an export.</summary>
    Info = 3,

    /// <summary>One metadata context.</summary>
    MetaContext = 4,

    /// <summary>Unknown option.</summary>
    Unsupported = 0x8000_0001,

    /// <summary>Refused by policy.</summary>
    Policy = 0x8000_0002,

    /// <summary>Syntax, or not in this state.</summary>
    Invalid = 0x8000_0003,

    /// <summary>Not on this platform.</summary>
    Platform = 0x8000_0004,

    /// <summary>TLS first.</summary>
    TlsRequired = 0x8000_0005,

    /// <summary>No such export.</summary>
    Unknown = 0x8000_0006,

    /// <summary>The server is going down.</summary>
    Shutdown = 0x8000_0007,

    /// <summary>The client must ask for block sizes first.</summary>
    BlockSizeRequired = 0x8000_0008,

    /// <summary>Too much data.</summary>
    TooBig = 0x8000_0009,

    /// <summary>Extended headers first.</summary>
    ExtendedHeadersRequired = 0x8000_000a,
}
