namespace BlockUring.Images;

/// <summary>What an image of some format would take (qemu-img measure).</summary>
/// <param name="Required">Bytes of the file when only the given content is written.</param>
/// <param name="FullyAllocated">Bytes of the file when the whole guest disk has been written.</param>
/// <param name="Bitmaps">Bytes for persistent bitmaps, or null when the answer has none.</param>
public sealed record Measurement(long Required, long FullyAllocated, long? Bitmaps = null);
