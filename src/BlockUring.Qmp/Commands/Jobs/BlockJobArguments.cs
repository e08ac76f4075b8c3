namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of commands that name a block job by what used to be its device.</summary>
/// <param name="Device">The job's id.</param>
internal sealed record BlockJobArguments(string Device);
