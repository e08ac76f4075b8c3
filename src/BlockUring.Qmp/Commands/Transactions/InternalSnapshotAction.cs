using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Qmp.Commands.Snapshots;
using BlockUring.Storage;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>blockdev-snapshot-internal-sync. The node's users are quiet.</summary>
internal sealed class InternalSnapshotAction(MonitorContext context, InternalSnapshotArguments arguments) : TransactionAction
{
    private ImageFormat? format;
    private SnapshotDescription? made;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Nodes => [arguments.Device];

    /// <inheritdoc/>
    public override async ValueTask PrepareAsync()
    {
        var node = context.FindRoot(arguments.Device);
        node.Blockers.Demand(node.Name, NodeOperation.InternalSnapshot);
        if (node.IsReadOnly)
            throw new QmpException($"Device '{node.Name}' is read only");
        format = (node as FormatNode)?.Image.Format;
        if (format is not { SupportsSnapshots: true })
            throw new QmpException($"Block format '{node.DriverName}' used by device '{node.Name}' does not support internal snapshots");
        if (arguments.Name.Length == 0)
            throw new QmpException("Name is empty");
        if (!format.CanHaveSnapshots)
            throw new QmpException(InternalSnapshotCommand.NoList);
        if (format.Describe().Snapshots.Any(s => s.Name == arguments.Name))
            throw new QmpException($"Snapshot with name '{arguments.Name}' already exists on device '{node.Name}'");
        try
        {
            made = await format.CreateSnapshotAsync(arguments.Name, context.Scheduler.Time.GetUtcNow(), null);
        }
        catch (BlockException e)
        {
            throw new QmpException($"Failed to create snapshot '{arguments.Name}' on device '{node.Name}': {Errno.Message(e.ErrorNumber)}");
        }
    }

    /// <inheritdoc/>
    public override async ValueTask AbortAsync()
    {
        try
        {
            await format!.DeleteSnapshotAsync(made!.Id, made.Name);
        }
        catch (BlockException e)
        {
            context.Graph.Warn($"Failed to delete snapshot '{made!.Name}' of a transaction that was aborted: {e.Message}");
        }
    }
}
