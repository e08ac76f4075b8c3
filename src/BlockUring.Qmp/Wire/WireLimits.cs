namespace BlockUring.Qmp.Wire;

/// <summary>The maxima that keep a client from using up memory.</summary>
internal static class WireLimits
{
    /// <summary>Bytes of one message, white space not counted. The longest sensible ones have some kilobytes.</summary>
    public const int MaxMessageBytes = 16 << 20;

    /// <summary>Tokens of one message.</summary>
    public const int MaxTokenCount = 1 << 20;

    /// <summary>Objects and arrays inside each other, as in QEMU.</summary>
    public const int MaxNesting = 1024;

    /// <summary>What the JSON types of the framework are set to: above everything that passes <see cref="MaxNesting"/>.</summary>
    public const int MaxDepth = MaxNesting + 64;

    /// <summary>Bytes waiting for a client that does not read; with more, it is disconnected.</summary>
    public const int MaxPendingBytes = 16 << 20;

    /// <summary>With more bytes than this waiting for a client, no further request of its is read.</summary>
    public const int ReplyPauseBytes = 1 << 20;

    /// <summary>Requests of one session that wait for their turn, the running one included, where out-of-band is on.</summary>
    public const int MaxQueuedRequests = 8;

    /// <summary>A buffer that grew beyond this is not kept for the next message.</summary>
    public const int MaxKeptBytes = 256 << 10;

    /// <summary>Bytes received or sent at a time.</summary>
    public const int TransferBytes = 16 << 10;
}
