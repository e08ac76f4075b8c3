using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>What a run of guest bytes is, as QEMU's block status says it.</summary>
/// <param name="Length">Guest bytes, 1 or more.</param>
/// <param name="IsData">The bytes are stored (compressed ones too).</param>
/// <param name="IsZero">The run reads as zeroes for certain.</param>
/// <param name="IsAllocated">A layer holds it (data or explicit zero); false for a run that no layer has.</param>
/// <param name="IsCompressed">It is a compressed cluster.</param>
/// <param name="Depth">How many layers below the asked one it was found; 0 is the asked one.</param>
/// <param name="File">The file that <paramref name="HostOffset"/> counts in; null when there is no host offset.</param>
/// <param name="HostOffset">Host offset of the first byte, -1 when there is none.</param>
public readonly record struct BlockStatus(
    long Length,
    bool IsData,
    bool IsZero,
    bool IsAllocated,
    bool IsCompressed = false,
    int Depth = 0,
    BlockFile? File = null,
    long HostOffset = -1);
