namespace BlockUring.Qmp;

/// <summary>The members of BLOCK_JOB_PENDING.</summary>
internal sealed record JobPendingData(string Type, string Id);
