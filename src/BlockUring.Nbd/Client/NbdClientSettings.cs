namespace BlockUring.Nbd.Client;

/// <summary>Which export of which server, and how.</summary>
/// <param name="Address">The server.</param>
/// <param name="Export">The export's name; null where none was given, which means the one without a name.</param>
public sealed record NbdClientSettings(NbdAddress Address, string? Export)
{
    /// <summary>The connections that are made where the server allows several, when nothing else is asked for.</summary>
    public const int DefaultConnectionCount = 4;

    /// <summary>The most connections.</summary>
    public const int MaxConnectionCount = 16;

    /// <summary>The metadata context that is seen as the disk's map, in place of "base:allocation" (QEMU's "x-dirty-bitmap"); null for none.</summary>
    public string? DirtyBitmap { get; init; }

    /// <summary>Encrypts the connections; null for none.</summary>
    public NbdTlsUpgrade? Tls { get; init; }

    /// <summary>Whom the server's certificate must name; null for the host of the address.</summary>
    public string? TlsHostName { get; init; }

    /// <summary>How long requests wait for a lost server to come back before they fail; zero: not at all.</summary>
    public TimeSpan ReconnectDelay { get; init; }

    /// <summary>How long opening tries to reach the server; zero: once.</summary>
    public TimeSpan OpenTimeout { get; init; }

    /// <summary>
    /// The most connections, 1 to <see cref="MaxConnectionCount"/>; more than one are made only where the server allows it, and under load.
    /// </summary>
    public int ConnectionCount { get; init; } = DefaultConnectionCount;

    /// <summary>The export's name on the wire.</summary>
    public string ExportName => Export ?? "";
}
