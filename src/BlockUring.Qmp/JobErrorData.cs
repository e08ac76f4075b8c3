namespace BlockUring.Qmp;

/// <summary>The members of BLOCK_JOB_ERROR.</summary>
internal sealed record JobErrorData(string Device, string Operation, string Action);
