using BlockUring.Graph;
using BlockUring.Qmp.Commands.Nodes;

namespace BlockUring.Qmp.Commands.Snapshots;

/// <summary>blockdev-snapshot-delete-internal-sync: refused, as making snapshots is.</summary>
internal sealed class DeleteSnapshotCommand() : QmpCommand<DeleteSnapshotArguments, SnapshotResult>(
    "blockdev-snapshot-delete-internal-sync", QmpJson.Default.DeleteSnapshotArguments, QmpJson.Default.SnapshotResult)
{
    /// <inheritdoc/>
    protected override ValueTask<SnapshotResult> RunAsync(MonitorContext context, DeleteSnapshotArguments arguments)
    {
        var node = context.FindRoot(arguments.Device);
        node.Blockers.Demand(node.Name, NodeOperation.InternalSnapshot);
        var (id, name) = (arguments.Id, arguments.Name);
        if (id == null && name == null)
            throw new QmpException("Name or id must be provided");
        var exists = node is FormatNode { Image.Format: var format }
            && format.Describe().Snapshots.Any(s => (id == null || s.Id == id) && (name == null || s.Name == name));
        throw new QmpException(exists
            ? $"Block format '{node.DriverName}' used by device '{node.Name}' does not support internal snapshot deletion"
            : $"Snapshot with id '{id ?? "null"}' and name '{name ?? "null"}' does not exist on device '{node.Name}'");
    }
}
