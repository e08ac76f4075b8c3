using BlockUring.Graph;
using BlockUring.Jobs.Stream;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>block-stream.</summary>
internal sealed class BlockStreamCommand()
    : QmpCommand<StreamArguments, NoResult>("block-stream", QmpJson.Default.StreamArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, StreamArguments arguments)
    {
        DemandOne(arguments);
        using var change = await context.Graph.BeginChangeAsync();
        var job = await StreamJob.CreateAsync(context.Graph, context.Jobs, RequestFor(context, arguments));
        job.Start();
        return NoResult.Value;
    }

    private static void DemandOne(StreamArguments arguments)
    {
        if (arguments is { Base: not null, BaseNode: not null })
            throw new QmpException("'base' and 'base-node' cannot be specified at the same time");
        if (arguments is { Base: not null, Bottom: not null })
            throw new QmpException("'base' and 'bottom' cannot be specified at the same time");
        if (arguments is { Bottom: not null, BaseNode: not null })
            throw new QmpException("'bottom' and 'base-node' cannot be specified at the same time");
    }

    private static StreamRequest RequestFor(MonitorContext context, StreamArguments arguments)
    {
        var top = context.FindDevice(arguments.Device);
        // Why: the default is the name of a device, of which there are none here.
        var settings = JobText.Settings(arguments.JobId ?? "", arguments.Speed, arguments.AutoFinalize, arguments.AutoDismiss);
        return new StreamRequest(settings, top)
        {
            Base = FindBase(context, arguments, top),
            Bottom = arguments.Bottom == null ? null : FindBottom(context, arguments, top),
            BackingFile = arguments.BackingFile,
            OnError = JobText.Policy(arguments.OnError),
            FilterName = arguments.FilterNodeName,
        };
    }

    private static BlockNode? FindBase(MonitorContext context, StreamArguments arguments, BlockNode top)
    {
        if (arguments.Base is { } file)
            return BackingFileSearch.Find(context.Files, top, file) ?? throw new QmpException($"Can't find '{file}' in the backing chain");
        if (arguments.BaseNode is not { } name)
            return null;
        var node = context.FindNode(name, "");
        return node != top && NodeChain.Contains(top, node)
            ? node
            : throw new QmpException($"Node '{name}' is not a backing image of '{arguments.Device}'");
    }

    private static BlockNode FindBottom(MonitorContext context, StreamArguments arguments, BlockNode top)
    {
        var node = context.FindNode(arguments.Bottom, "");
        if (node.IsFilter)
            throw new QmpException($"Node '{node.Name}' is a filter, use a non-filter node as 'bottom'");
        return NodeChain.Contains(top, node)
            ? node
            : throw new QmpException($"Node '{node.Name}' is not in a chain starting from '{arguments.Device}'");
    }
}
