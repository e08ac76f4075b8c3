using BlockUring.Bitmaps;
using BlockUring.Qmp.Commands.Bitmaps;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>block-dirty-bitmap-remove. Until the end the bitmap is there and busy, so that its name stays taken.</summary>
internal sealed class BitmapRemoveAction(MonitorContext context, BitmapArguments arguments) : TransactionAction
{
    private DirtyBitmap? removed;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Nodes => [arguments.Node];

    /// <inheritdoc/>
    public override ValueTask PrepareAsync()
    {
        removed = BitmapSearch.Find(context, arguments.Node, arguments.Name, BitmapDemands.Removable);
        removed.IsBusy = true;
        return ValueTask.CompletedTask;
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
