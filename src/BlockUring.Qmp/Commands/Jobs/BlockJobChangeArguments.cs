namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of block-job-change ("BlockJobChangeOptions").</summary>
/// <param name="Id">The job.</param>
/// <param name="Type">What it does.</param>
/// <param name="CopyMode">For a mirror.</param>
internal sealed record BlockJobChangeArguments(string Id, string Type, string? CopyMode = null);
