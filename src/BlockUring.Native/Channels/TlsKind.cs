namespace BlockUring.Native.Channels;

/// <summary>What the sides of a secure connection are known by.</summary>
public enum TlsKind
{
    /// <summary>Certificates.</summary>
    Certificates,

    /// <summary>Keys that both have (PSK).</summary>
    SharedKeys,

    /// <summary>Nothing: whoever sits in between can read and change everything.</summary>
    Anonymous,
}
