using BlockUring.Graph;

namespace BlockUring.Qmp.Commands.Snapshots;

/// <summary>blockdev-snapshot-internal-sync: refused, with a reason; images that hold snapshots are read, and made by other programs.</summary>
internal sealed class InternalSnapshotCommand() : QmpCommand<InternalSnapshotArguments, NoResult>(
    "blockdev-snapshot-internal-sync", QmpJson.Default.InternalSnapshotArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, InternalSnapshotArguments arguments)
    {
        var node = context.FindRoot(arguments.Device);
        node.Blockers.Demand(node.Name, NodeOperation.InternalSnapshot);
        if (node.IsReadOnly)
            throw new QmpException($"Device '{node.Name}' is read only");
        throw new QmpException($"Block format '{node.DriverName}' used by device '{node.Name}' does not support internal snapshots");
    }
}
