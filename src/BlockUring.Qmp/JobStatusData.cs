namespace BlockUring.Qmp;

/// <summary>The members of JOB_STATUS_CHANGE.</summary>
internal sealed record JobStatusData(string Id, string Status);
