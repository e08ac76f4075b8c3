namespace BlockUring.Qmp.Commands.Bitmaps;

/// <summary>x-debug-block-dirty-bitmap-sha256.</summary>
internal sealed class BitmapHashCommand()
    : QmpCommand<BitmapArguments, BitmapHashResult>(
        "x-debug-block-dirty-bitmap-sha256", QmpJson.Default.BitmapArguments, QmpJson.Default.BitmapHashResult)
{
    /// <inheritdoc/>
    protected override ValueTask<BitmapHashResult> RunAsync(MonitorContext context, BitmapArguments arguments) =>
        new(new BitmapHashResult(BitmapSearch.Find(context, arguments.Node, arguments.Name).Sha256Hex));
}
