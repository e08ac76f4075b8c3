namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of block-job-cancel.</summary>
/// <param name="Device">The job's id.</param>
/// <param name="Force">Whether a ready job ends at once, with its target inconsistent.</param>
internal sealed record BlockJobCancelArguments(string Device, bool? Force = null);
