namespace BlockUring.Qmp;

/// <summary>The members of BLOCK_JOB_READY, _COMPLETED and _CANCELLED.</summary>
internal sealed record JobProgressData(string Type, string Device, long Len, long Offset, long Speed, string? Error);
