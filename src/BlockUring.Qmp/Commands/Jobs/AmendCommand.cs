using BlockUring.Graph;
using BlockUring.Jobs;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>x-blockdev-amend: what a qcow2 image could be made another by this way is its encryption, which there is none of here.</summary>
internal sealed class AmendCommand()
    : QmpCommand<AmendArguments, NoResult>("x-blockdev-amend", QmpJson.Default.AmendArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, AmendArguments arguments)
    {
        var node = context.FindNode(arguments.NodeName);
        if (arguments.Options.GetProperty("driver").GetString() != node.DriverName)
            throw new QmpException("x-blockdev-amend doesn't support changing the block driver");
        if (node is not FormatNode { Image.Format.SupportsBacking: true })
            throw new QmpException("Driver does not support x-blockdev-amend");
        node.Blockers.Demand(node.Name, NodeOperation.Amend);
        var job = new ImageJob(context.Scheduler, JobType.Amend, arguments.JobId, () => ValueTask.CompletedTask);
        context.Jobs.Add(job);
        job.Start();
        return new(NoResult.Value);
    }
}
