using BlockUring.Jobs;
using BlockUring.Jobs.Mirror;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>block-job-change.</summary>
internal sealed class BlockJobChangeCommand()
    : QmpCommand<BlockJobChangeArguments, NoResult>("block-job-change", QmpJson.Default.BlockJobChangeArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, BlockJobChangeArguments arguments)
    {
        var job = context.FindBlockJob(arguments.Id);
        job.DemandChangeable();
        if (job is not MirrorJob { Type: JobType.Mirror } mirror)
            throw new QmpException("Job type does not support change");
        if (arguments.Type != mirror.Type.Name())
            throw new QmpException($"Job '{arguments.Id}' is of type '{mirror.Type.Name()}', not '{arguments.Type}'");
        mirror.Change(MirrorText.CopyMode(arguments.CopyMode));
        return new(NoResult.Value);
    }
}
