namespace BlockUring.Jobs.Rebase;

/// <summary>A run of the overlay.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Offset">Bytes; a multiple of the planner's unit.</param>
/// <param name="Length">Bytes; 0 means that there is no more.</param>
/// <param name="IsPartlyHeld">Whether the overlay holds parts of its clusters: those stay, so that the clusters cannot be written compressed.</param>
internal readonly record struct RebasePiece(RebaseAction Action, long Offset, long Length, bool IsPartlyHeld = false);
