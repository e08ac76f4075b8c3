namespace BlockUring.Jobs.Commit;

/// <summary>A run of what top shows.</summary>
/// <param name="Offset">Bytes.</param>
/// <param name="Length">Bytes; 0 means that there is no more.</param>
/// <param name="IsWanted">Whether a layer above the base holds any of it.</param>
/// <param name="IsZero">Whether all of it reads as zeroes.</param>
internal readonly record struct CommitPiece(long Offset, long Length, bool IsWanted, bool IsZero);
