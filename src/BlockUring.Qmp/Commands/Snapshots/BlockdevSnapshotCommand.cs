namespace BlockUring.Qmp.Commands.Snapshots;

/// <summary>blockdev-snapshot.</summary>
internal sealed class BlockdevSnapshotCommand()
    : QmpCommand<SnapshotArguments, NoResult>("blockdev-snapshot", QmpJson.Default.SnapshotArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, SnapshotArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var overlay = await OverlayRequest.PutAsync(context, arguments);
        await overlay.CommitAsync();
        return NoResult.Value;
    }
}
