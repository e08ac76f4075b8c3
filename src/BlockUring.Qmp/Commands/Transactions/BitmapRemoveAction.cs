using BlockUring.Bitmaps;
using BlockUring.Qmp.Commands.Bitmaps;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>
/// block-dirty-bitmap-remove. The file loses it at once; until the end it is there and busy, so that its name stays taken, and
/// after an abort it is stored again when the image is closed.
/// </summary>
internal sealed class BitmapRemoveAction(MonitorContext context, BitmapArguments arguments) : TransactionAction
{
    private DirtyBitmap? removed;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Nodes => [arguments.Node];

    /// <inheritdoc/>
    public override async ValueTask PrepareAsync()
    {
        removed = BitmapSearch.Find(context, arguments.Node, arguments.Name, BitmapDemands.Removable);
        if (removed.IsPersistent)
            await BitmapSearch.FindNode(context, arguments.Node).RemoveStoredBitmapAsync(arguments.Name);
        removed.IsBusy = true;
    }

    /// <inheritdoc/>
    public override void Commit()
    {
        removed!.IsBusy = false;
        removed.Owner!.Remove(removed);
    }

    /// <inheritdoc/>
    public override ValueTask AbortAsync()
    {
        removed!.IsBusy = false;
        return ValueTask.CompletedTask;
    }
}
