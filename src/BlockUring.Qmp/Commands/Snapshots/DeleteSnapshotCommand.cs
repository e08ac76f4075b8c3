using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Qmp.Commands.Nodes;
using BlockUring.Storage;

namespace BlockUring.Qmp.Commands.Snapshots;

/// <summary>blockdev-snapshot-delete-internal-sync.</summary>
internal sealed class DeleteSnapshotCommand() : QmpCommand<DeleteSnapshotArguments, SnapshotResult>(
    "blockdev-snapshot-delete-internal-sync", QmpJson.Default.DeleteSnapshotArguments, QmpJson.Default.SnapshotResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<SnapshotResult> RunAsync(MonitorContext context, DeleteSnapshotArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var node = context.FindRoot(arguments.Device);
        var (id, name) = (arguments.Id, arguments.Name);
        if (id == null && name == null)
            throw new QmpException("Name or id must be provided");
        node.Blockers.Demand(node.Name, NodeOperation.InternalSnapshot);
        var format = (node as FormatNode)?.Image.Format;
        if (format is not { CanHaveSnapshots: true })
            throw new QmpException(InternalSnapshotCommand.NoList);
        var found = format.Describe().Snapshots.FirstOrDefault(s => (id == null || s.Id == id) && (name == null || s.Name == name))
            ?? throw new QmpException($"Snapshot with id '{id ?? "null"}' and name '{name ?? "null"}' does not exist on device '{node.Name}'");
        if (node.IsReadOnly)
            throw new QmpException($"Device '{node.Name}' is read only");
        using var section = await context.Graph.DrainAsync(node);
        await DeleteAsync(format, found, node.Name);
        return SnapshotResult.Of(found);
    }

    private static async ValueTask DeleteAsync(ImageFormat format, SnapshotDescription snapshot, string node)
    {
        try
        {
            await format.DeleteSnapshotAsync(snapshot.Id, snapshot.Name);
        }
        catch (BlockException e)
        {
            throw new QmpException($"Failed to delete snapshot '{snapshot.Name}' on device '{node}': {e.Message}");
        }
    }
}
