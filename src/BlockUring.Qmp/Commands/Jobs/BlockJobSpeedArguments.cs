namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of block-job-set-speed.</summary>
/// <param name="Device">The job's id.</param>
/// <param name="Speed">Bytes a second; 0 for as fast as it goes.</param>
internal sealed record BlockJobSpeedArguments(string Device, long Speed);
