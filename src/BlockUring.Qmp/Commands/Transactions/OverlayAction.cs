using BlockUring.Graph;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>blockdev-snapshot and blockdev-snapshot-sync. A file that was made stays when the transaction fails.</summary>
/// <param name="node">The node that gets the overlay.</param>
/// <param name="put">Puts it on.</param>
internal sealed class OverlayAction(string node, Func<ValueTask<OverlayChange>> put) : TransactionAction
{
    private OverlayChange? overlay;
    private bool isCommitted;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Nodes => [node];

    /// <inheritdoc/>
    public override async ValueTask PrepareAsync() => overlay = await put();

    /// <inheritdoc/>
    public override void Commit() => isCommitted = true;

    /// <inheritdoc/>
    public override ValueTask AbortAsync() => overlay!.UndoAsync();

    /// <inheritdoc/>
    public override ValueTask CleanAsync() => isCommitted ? overlay!.CommitAsync() : ValueTask.CompletedTask;
}
