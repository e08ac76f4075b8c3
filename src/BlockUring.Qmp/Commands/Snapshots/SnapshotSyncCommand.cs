namespace BlockUring.Qmp.Commands.Snapshots;

/// <summary>blockdev-snapshot-sync.</summary>
internal sealed class SnapshotSyncCommand()
    : QmpCommand<SnapshotSyncArguments, NoResult>("blockdev-snapshot-sync", QmpJson.Default.SnapshotSyncArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, SnapshotSyncArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var overlay = await OverlayRequest.PutAsync(context, arguments);
        await overlay.CommitAsync();
        return NoResult.Value;
    }
}
