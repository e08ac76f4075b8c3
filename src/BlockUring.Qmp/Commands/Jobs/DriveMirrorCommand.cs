using BlockUring.Graph;
using BlockUring.Jobs.Mirror;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>drive-mirror.</summary>
internal sealed class DriveMirrorCommand()
    : QmpCommand<DriveMirrorArguments, NoResult>("drive-mirror", QmpJson.Default.DriveMirrorArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, DriveMirrorArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var source = context.FindDisk(arguments.Device);
        source.Blockers.Demand(source.Name, NodeOperation.MirrorSource);
        if (arguments.Replaces != null && arguments.NodeName == null)
            throw new QmpException("a node-name must be provided when replacing a named node of the graph");
        var target = await OpenTargetAsync(context.Graph, source, arguments);
        try
        {
            var request = MirrorText.Parse(arguments, source, target) with
            {
                Unmap = arguments.Unmap ?? true,
                Backing = arguments.Mode == "existing" ? MirrorBacking.Open : MirrorBacking.OfSource,
            };
            (await MirrorJob.CreateAsync(context.Graph, context.Jobs, request)).Start();
        }
        catch
        {
            await context.Graph.CloseIfUnusedAsync(target);
            throw;
        }

        return NoResult.Value;
    }

    // Its backing file is opened only when it takes the source's place: until then it would show what it does not need.
    private static async ValueTask<BlockNode> OpenTargetAsync(BlockGraph graph, BlockNode source, DriveMirrorArguments arguments)
    {
        var exists = arguments.Mode == "existing";
        var layer = NodeChain.SkipFilters(source);
        var format = arguments.Format ?? (exists ? null : layer.DriverName);
        if (!exists)
        {
            var backing = arguments.Sync switch
            {
                "top" => layer.BackingLink?.Node,
                "none" => source,
                _ => null,
            };
            await NewImage.CreateAsync(graph, arguments.Target, format!, source.Length, backing);
        }

        var settings = source.Settings with
        {
            ReadOnly = false,
            AutoReadOnly = false,
            ForceShare = false,
            Unmap = true,
            DetectZeroes = DetectZeroes.Off,
        };
        return await NewImage.OpenAsync(graph, arguments.Target, format, arguments.NodeName, settings, withBacking: false);
    }
}
