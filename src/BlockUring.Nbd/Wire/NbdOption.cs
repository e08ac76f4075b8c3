namespace BlockUring.Nbd.Wire;

/// <summary>Options of the handshake.</summary>
public enum NbdOption : uint
{
    /// <summary>Names the export and begins transmission; cannot be refused but by closing.</summary>
    ExportName = 1,

    /// <summary>Ends the session.</summary>
    Abort = 2,

    /// <summary>Lists exports.</summary>
    List = 3,

    /// <summary>From here on TLS.</summary>
    StartTls = 5,

    /// <summary>Tells of an export.</summary>
    Info = 6,

    /// <summary>Tells of an export and begins transmission.</summary>
    Go = 7,

    /// <summary>Replies are structured.</summary>
    StructuredReply = 8,

    /// <summary>Lists metadata contexts.</summary>
    ListMetaContext = 9,

    /// <summary>Chooses metadata contexts.</summary>
    SetMetaContext = 10,

    /// <summary>Headers have 64 bits of length.</summary>
    ExtendedHeaders = 11,
}
