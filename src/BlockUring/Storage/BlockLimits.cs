namespace BlockUring.Storage;

/// <summary>What a file asks of requests. All values are bytes and powers of two unless said otherwise.</summary>
/// <param name="RequestAlignment">Offset and length of a read or write that needs no bounce buffer.</param>
/// <param name="MemoryAlignment">Address in memory of such a request.</param>
/// <param name="MaxTransfer">The longest single request; a multiple of <paramref name="RequestAlignment"/>, not always a power of two.</param>
/// <param name="ZeroAlignment">Offset and length for which write zeroes is cheap.</param>
/// <param name="DiscardAlignment">Offset and length for which discard frees space.</param>
public sealed record BlockLimits(
    int RequestAlignment = 1,
    int MemoryAlignment = 1,
    int MaxTransfer = 1 << 30,
    int ZeroAlignment = 1,
    int DiscardAlignment = 1);
