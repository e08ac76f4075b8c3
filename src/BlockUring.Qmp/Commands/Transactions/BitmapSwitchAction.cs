using BlockUring.Bitmaps;
using BlockUring.Qmp.Commands.Bitmaps;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>block-dirty-bitmap-enable and block-dirty-bitmap-disable.</summary>
internal sealed class BitmapSwitchAction(MonitorContext context, BitmapArguments arguments, bool isEnabled) : TransactionAction
{
    private DirtyBitmap? switched;
    private bool wasEnabled;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Nodes => [arguments.Node];

    /// <inheritdoc/>
    public override async ValueTask PrepareAsync()
    {
        switched = BitmapSearch.Find(context, arguments.Node, arguments.Name, BitmapDemands.Readable);
        await BitmapSearch.PrepareChangeAsync(context, arguments.Node, switched);
        wasEnabled = switched.IsEnabled;
        Switch(switched, isEnabled);
    }

    /// <inheritdoc/>
    public override ValueTask AbortAsync()
    {
        Switch(switched!, wasEnabled);
        return ValueTask.CompletedTask;
    }

    private static void Switch(DirtyBitmap bitmap, bool isEnabled)
    {
        if (isEnabled)
            bitmap.Enable();
        else
            bitmap.Disable();
    }
}
