namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>abort: fails, so that everything before it is undone. For tests of clients.</summary>
internal sealed class AbortAction : TransactionAction
{
    /// <inheritdoc/>
    public override bool CanBeGrouped => true;

    /// <inheritdoc/>
    public override ValueTask PrepareAsync() => throw new QmpException("Transaction aborted using Abort action");
}
