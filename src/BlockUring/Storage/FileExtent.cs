namespace BlockUring.Storage;

/// <summary>A run of a file that is all data or all hole.</summary>
/// <param name="Length">Bytes from the offset asked for, 1 or more.</param>
/// <param name="IsHole">Whether it reads as zeroes for certain; false means it may hold anything, zeroes included.</param>
public readonly record struct FileExtent(long Length, bool IsHole)
{
    /// <summary>Whether it is not there, as somebody sees it who asked for a map of something else than space (a dirty bitmap).</summary>
    public bool IsUnallocated { get; init; }

    /// <summary>Whether it is known to take space although it reads as zeroes.</summary>
    public bool IsAllocatedZero { get; init; }

    /// <summary>Whether it takes space, as far as is known: what queries call data.</summary>
    public bool IsData => IsHole ? IsAllocatedZero : !IsUnallocated;
}
