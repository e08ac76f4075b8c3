using BlockUring.Jobs;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>block-null.</summary>
internal sealed class BlockNullCommand()
    : QmpCommand<BlockNullArguments, NoResult>("block-null", QmpJson.Default.BlockNullArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, BlockNullArguments arguments)
    {
        var node = context.FindDevice(arguments.Device);
        var settings = JobText.Settings(arguments.JobId ?? arguments.Device, arguments.Speed, arguments.AutoFinalize, arguments.AutoDismiss);
        using var change = await context.Graph.BeginChangeAsync();
        NullJob.Create(context.Graph, context.Jobs, settings, node, JobText.Policy(arguments.OnError)).Start();
        return NoResult.Value;
    }
}
