using BlockUring.Graph;

namespace BlockUring.Qmp.Commands.Snapshots;

/// <summary>blockdev-snapshot-internal-sync: refused, with a reason; images that hold snapshots are read, and made by other programs.</summary>
internal sealed class InternalSnapshotCommand() : QmpCommand<InternalSnapshotArguments, NoResult>(
    "blockdev-snapshot-internal-sync", QmpJson.Default.InternalSnapshotArguments, QmpJson.Default.NoResult)
{
    /// <summary>Why a snapshot cannot be made.</summary>
    public static QmpException Refusal(MonitorContext context, InternalSnapshotArguments arguments)
    {
        var node = context.FindRoot(arguments.Device);
        node.Blockers.Demand(node.Name, NodeOperation.InternalSnapshot);
        return new(node.IsReadOnly
            ? $"Device '{node.Name}' is read only"
            : $"Block format '{node.DriverName}' used by device '{node.Name}' does not support internal snapshots");
    }

    /// <inheritdoc/>
    protected override ValueTask<NoResult> RunAsync(MonitorContext context, InternalSnapshotArguments arguments) =>
        throw Refusal(context, arguments);
}
