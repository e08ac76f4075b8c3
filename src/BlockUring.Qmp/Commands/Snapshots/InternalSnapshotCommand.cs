using BlockUring.Qmp.Commands.Transactions;

namespace BlockUring.Qmp.Commands.Snapshots;

/// <summary>blockdev-snapshot-internal-sync.</summary>
internal sealed class InternalSnapshotCommand() : QmpCommand<InternalSnapshotArguments, NoResult>(
    "blockdev-snapshot-internal-sync", QmpJson.Default.InternalSnapshotArguments, QmpJson.Default.NoResult)
{
    /// <summary>The complaint about an image that cannot have snapshots.</summary>
    public const string NoList = "Failed to get a snapshot list: Operation not supported";

    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, InternalSnapshotArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        using var section = await context.Graph.DrainAsync(context.FindRoot(arguments.Device));
        var action = new InternalSnapshotAction(context, arguments);
        await action.PrepareAsync();
        action.Commit();
        await action.CleanAsync();
        return NoResult.Value;
    }
}
