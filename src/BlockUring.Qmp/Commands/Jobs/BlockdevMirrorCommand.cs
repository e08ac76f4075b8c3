using BlockUring.Jobs.Mirror;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>blockdev-mirror.</summary>
internal sealed class BlockdevMirrorCommand()
    : QmpCommand<BlockdevMirrorArguments, NoResult>("blockdev-mirror", QmpJson.Default.BlockdevMirrorArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, BlockdevMirrorArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var (source, target) = (context.FindDisk(arguments.Device), context.FindDevice(arguments.Target));
        var request = MirrorText.Parse(arguments, source, target) with
        {
            FilterName = arguments.FilterNodeName,
            TargetIsZero = arguments.TargetIsZero ?? false,
        };
        (await MirrorJob.CreateAsync(context.Graph, context.Jobs, request)).Start();
        return NoResult.Value;
    }
}
