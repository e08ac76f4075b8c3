using System.Text.Json;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Images.Encryption;
using BlockUring.Jobs;
using BlockUring.Storage;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>x-blockdev-amend: what an image can be made another by this way is its encryption.</summary>
internal sealed class AmendCommand()
    : QmpCommand<AmendArguments, NoResult>("x-blockdev-amend", QmpJson.Default.AmendArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, AmendArguments arguments)
    {
        var node = context.FindNode(arguments.NodeName);
        if (arguments.Options.GetProperty("driver").GetString() != node.DriverName)
            throw new QmpException("x-blockdev-amend doesn't support changing the block driver");
        if (node is not FormatNode { DriverName: "qcow2" or "luks" } image)
            throw new QmpException("Driver does not support x-blockdev-amend");
        node.Blockers.Demand(node.Name, NodeOperation.Amend);
        var job = new ImageJob(context.Scheduler, JobType.Amend, arguments.JobId, () => AmendAsync(context.Graph, image, arguments));
        context.Jobs.Add(job);
        job.Start();
        return new(NoResult.Value);
    }

    private static ValueTask AmendAsync(BlockGraph graph, FormatNode node, AmendArguments arguments)
    {
        var options = arguments.Options;
        if (node.DriverName == "qcow2" && !options.TryGetProperty("encrypt", out options))
            return ValueTask.CompletedTask;
        if (node.DriverName == "qcow2")
            DemandAmendable(node, options);
        return NodeKeys.AmendAsync(graph, node, LuksAmendment.Parse(OptionTree.Of(options).Values, "", arguments.Force == true));
    }

    private static void DemandAmendable(FormatNode node, JsonElement options)
    {
        if (!node.Image.Format.IsEncrypted)
            throw new BlockException(BlockErrorKind.Unsupported, "image is not encrypted, can't amend");
        if (options.GetProperty("format").GetString() != "luks")
            throw new BlockException(BlockErrorKind.Unsupported, "Amend can't be used to change the qcow2 encryption format");
    }
}
