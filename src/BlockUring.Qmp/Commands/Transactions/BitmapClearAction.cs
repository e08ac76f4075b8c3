using BlockUring.Bitmaps;
using BlockUring.Qmp.Commands.Bitmaps;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>block-dirty-bitmap-clear.</summary>
internal sealed class BitmapClearAction(MonitorContext context, BitmapArguments arguments) : TransactionAction
{
    private DirtyBitmap? cleared;
    private DirtyBitmap? before;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Nodes => [arguments.Node];

    /// <inheritdoc/>
    public override async ValueTask PrepareAsync()
    {
        cleared = BitmapSearch.Find(context, arguments.Node, arguments.Name, BitmapDemands.All);
        await BitmapSearch.PrepareChangeAsync(context, arguments.Node, cleared, onlyClears: true);
        before = cleared.Clone(null);
        cleared.Clear();
    }

    /// <inheritdoc/>
    public override ValueTask AbortAsync()
    {
        cleared!.CopyFrom(before!);
        return ValueTask.CompletedTask;
    }
}
