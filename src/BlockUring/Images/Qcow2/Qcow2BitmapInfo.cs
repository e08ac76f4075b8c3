namespace BlockUring.Images.Qcow2;

/// <summary>A persistent bitmap, as the bitmap directory lists it (specification: "Bitmap directory").</summary>
/// <param name="Name">Unique within the image.</param>
/// <param name="Granularity">Guest bytes that one bit stands for.</param>
/// <param name="IsInUse">The bitmap was not saved correctly and may be wrong ("in-use").</param>
/// <param name="IsAuto">Every writer must update it ("auto").</param>
public sealed record Qcow2BitmapInfo(string Name, long Granularity, bool IsInUse, bool IsAuto)
{
    internal const int FixedLength = 24;

    /// <summary>The name as the file has it, where it is not UTF-8 and <see cref="Name"/> cannot say it.</summary>
    internal byte[]? RawName { get; init; }

    internal ulong TableOffset { get; init; }

    /// <summary>Entries of 8 bytes.</summary>
    internal uint TableCount { get; init; }
}
