namespace BlockUring.Images.Qcow2;

/// <summary>
/// Where the bitmap directory is (specification: "Bitmaps extension").
/// <code>
///  0  4  count of bitmaps
///  4  4  reserved, 0
///  8  8  directory length in bytes
/// 16  8  directory offset, cluster-aligned
/// </code>
/// </summary>
/// <param name="Count">1 to <see cref="Qcow2Limits.MaxBitmaps"/>.</param>
/// <param name="DirectoryLength">Bytes.</param>
/// <param name="DirectoryOffset">Host offset.</param>
internal sealed record BitmapsExtension(int Count, long DirectoryLength, long DirectoryOffset)
{
    public const int Bytes = 24;
}
