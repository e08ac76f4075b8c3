namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Arguments of commands that name a job.</summary>
/// <param name="Id">Of the job.</param>
internal sealed record JobArguments(string Id);
