namespace BlockUring.Copy;

/// <summary>Where the workers of one pass over a disk are; they share it.</summary>
public sealed class CopyCursor
{
    /// <summary>The first byte that nobody has taken, or looked at, in this pass.</summary>
    public long Offset { get; set; }
}
