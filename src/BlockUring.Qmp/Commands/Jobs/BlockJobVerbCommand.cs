using BlockUring.Jobs;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>block-job-pause and the like: one verb on one block job.</summary>
internal sealed class BlockJobVerbCommand(string name, Func<BlockJob, ValueTask> verb)
    : QmpCommand<BlockJobArguments, NoResult>(name, QmpJson.Default.BlockJobArguments, QmpJson.Default.NoResult)
{
    /// <summary>Those that take no further argument and call the job "device".</summary>
    public static IEnumerable<QmpCommand> All { get; } =
    [
        new BlockJobVerbCommand("block-job-pause", j => JobVerbCommand.Now(j.Pause)),
        new BlockJobVerbCommand("block-job-resume", j => JobVerbCommand.Now(j.Resume)),
        new BlockJobVerbCommand("block-job-complete", j => j.CompleteAsync()),
    ];

    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, BlockJobArguments arguments)
    {
        await verb(context.FindBlockJob(arguments.Device));
        return NoResult.Value;
    }
}
