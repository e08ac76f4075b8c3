namespace BlockUring.Native.Channels;

/// <summary>No secure connection: credentials that cannot be used, a handshake that failed, a peer that is not whom it should be.</summary>
/// <param name="message">Complete: what and why.</param>
public sealed class TlsException(string message) : IOException(message);
