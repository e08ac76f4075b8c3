using BlockUring.Graph;

namespace BlockUring.Qmp.Commands.Snapshots;

/// <summary>Puts overlays on, as the two commands and the actions of transactions have it.</summary>
internal static class OverlayRequest
{
    /// <summary>blockdev-snapshot, up to its commit.</summary>
    /// <exception cref="QmpException">Why not.</exception>
    public static async ValueTask<OverlayChange> PutAsync(MonitorContext context, SnapshotArguments arguments)
    {
        var node = context.FindDevice(arguments.Node);
        node.Blockers.Demand(node.Name, NodeOperation.ExternalSnapshot);
        return await OverlayChange.PutAsync(context.Graph, node, context.FindDevice(arguments.Overlay));
    }

    /// <summary>blockdev-snapshot-sync, up to its commit.</summary>
    /// <exception cref="QmpException">Why not. A file that was made stays.</exception>
    public static async ValueTask<OverlayChange> PutAsync(MonitorContext context, SnapshotSyncArguments arguments)
    {
        var node = context.FindNode(arguments.NodeName, arguments.Device);
        node.Blockers.Demand(node.Name, NodeOperation.ExternalSnapshot);
        if (arguments.SnapshotNodeName is not { } name)
            throw new QmpException("New overlay node-name missing");
        if (context.Graph.TryFind(name) != null)
            throw new QmpException("New overlay node-name already in use");
        GraphOpener.DemandName(context.Graph, name);
        var format = arguments.Format ?? "qcow2";
        if (arguments.Mode != "existing")
            await NewImage.CreateAsync(context.Graph, arguments.SnapshotFile, format, node.Length, node);
        var settings = node.Settings with { ReadOnly = false, AutoReadOnly = false, ForceShare = false };
        var overlay = await NewImage.OpenAsync(context.Graph, arguments.SnapshotFile, format, name, settings, withBacking: false);
        return await OverlayChange.PutAsync(context.Graph, node, overlay);
    }
}
