using BlockUring.Native.Channels;

namespace BlockUring.Nbd.Client;

/// <summary>Makes a connection a TLS session, once the server has agreed to that.</summary>
/// <param name="plain">The connection; belongs to the result from then on, or is closed where the session cannot be had.</param>
/// <param name="hostName">Whom the server's certificate must name; null where that is not checked.</param>
/// <returns>The session.</returns>
/// <exception cref="Storage.BlockException">Why not.</exception>
public delegate ValueTask<ByteChannel> NbdTlsUpgrade(ByteChannel plain, string? hostName);
