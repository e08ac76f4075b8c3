namespace BlockUring.Graph.Filters;

/// <summary>What a null disk is like.</summary>
/// <param name="Length">Bytes.</param>
/// <param name="LatencyNs">How long each request takes, in nanoseconds.</param>
/// <param name="ReadZeroes">Whether reads give zeroes; otherwise the buffer is left as it was.</param>
/// <param name="FileName">How such a disk could be opened by name.</param>
internal readonly record struct NullOptions(long Length, long LatencyNs, bool ReadZeroes, string FileName);
