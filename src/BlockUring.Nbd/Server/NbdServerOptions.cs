using BlockUring.Native.Channels;

namespace BlockUring.Nbd.Server;

/// <summary>How a server treats its clients.</summary>
public sealed record NbdServerOptions
{
    /// <summary>How long a handshake may take where nothing else is said.</summary>
    public static readonly TimeSpan DefaultHandshakeTime = TimeSpan.FromSeconds(10);

    /// <summary>Clients at a time; others wait until one has gone. 0 for no limit.</summary>
    public int MaxConnections { get; init; }

    /// <summary>How long a handshake may take; zero for no limit.</summary>
    public TimeSpan HandshakeTime { get; init; } = DefaultHandshakeTime;

    /// <summary>
    /// Makes an encrypted channel of a plain one, which it owns from then on; answers null, or throws <see cref="IOException"/>, where that fails, and
    /// the connection ends. Null where the server has no TLS.
    /// </summary>
    public Func<ByteChannel, ValueTask<ByteChannel?>>? Encrypt { get; init; }

    /// <summary>Whether clients must go over to TLS before anything else; takes <see cref="Encrypt"/>.</summary>
    public bool RequiresEncryption { get; init; }

    /// <summary>The most bytes of payloads that all connections together hold. Each may have one piece besides.</summary>
    public long MaxPayloadBytes { get; init; } = 256 << 20;

    /// <summary>The most bytes of payloads that one connection holds.</summary>
    public long MaxConnectionPayloadBytes { get; init; } = 64 << 20;
}
