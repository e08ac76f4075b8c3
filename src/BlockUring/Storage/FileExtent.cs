namespace BlockUring.Storage;

/// <summary>A run of a file that is all data or all hole.</summary>
/// <param name="Length">Bytes from the offset asked for, 1 or more.</param>
/// <param name="IsHole">Whether it reads as zeroes for certain; false means it may hold anything, zeroes included.</param>
public readonly record struct FileExtent(long Length, bool IsHole);
