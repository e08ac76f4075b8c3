using BlockUring.Jobs.Mirror;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>blockdev-mirror.</summary>
internal sealed class BlockdevMirrorCommand()
    : QmpCommand<MirrorArguments, NoResult>("blockdev-mirror", QmpJson.Default.MirrorArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, MirrorArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var (source, target) = (context.FindRoot(arguments.Device), context.FindDevice(arguments.Target));
        var job = await MirrorJob.CreateAsync(context.Graph, context.Jobs, MirrorText.Parse(arguments, source, target));
        job.Start();
        return NoResult.Value;
    }
}
