using BlockUring.Qmp.Commands.Snapshots;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>blockdev-snapshot-internal-sync: refused, as the command is.</summary>
internal sealed class InternalSnapshotAction(MonitorContext context, InternalSnapshotArguments arguments) : TransactionAction
{
    /// <inheritdoc/>
    public override ValueTask PrepareAsync() => throw InternalSnapshotCommand.Refusal(context, arguments);
}
