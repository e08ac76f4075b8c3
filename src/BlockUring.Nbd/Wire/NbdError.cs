namespace BlockUring.Nbd.Wire;

/// <summary>Errors on the wire. The numbers are the protocol's, which happen to be those of Linux.</summary>
public enum NbdError : uint
{
    /// <summary>Success.</summary>
    None = 0,

    /// <summary>Not permitted; the export is read-only.</summary>
    NotPermitted = 1,

    /// <summary>An I/O error.</summary>
    Io = 5,

    /// <summary>No memory.</summary>
    NoMemory = 12,

    /// <summary>An invalid request.</summary>
    Invalid = 22,

    /// <summary>No space.</summary>
    NoSpace = 28,

    /// <summary>Too long for the reply.</summary>
    Overflow = 75,

    /// <summary>Not supported, or not fast.</summary>
    NotSupported = 95,

    /// <summary>The server is going down.</summary>
    Shutdown = 108,
}
