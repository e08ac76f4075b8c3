using BlockUring.Jobs;
using BlockUring.Jobs.Backup;
using BlockUring.Qmp.Commands.Jobs;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>blockdev-backup. The instant that is copied is that of the transaction.</summary>
internal sealed class BlockdevBackupAction(MonitorContext context, BackupArguments arguments, JobTransaction? jobs) : TransactionAction
{
    private BackupJob? job;

    /// <inheritdoc/>
    public override bool CanBeGrouped => true;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Nodes => [arguments.Device];

    /// <inheritdoc/>
    public override async ValueTask PrepareAsync()
    {
        var (source, target) = (context.FindDevice(arguments.Device), context.FindDevice(arguments.Target));
        job = await BackupJob.CreateAsync(context.Graph, context.Jobs, BackupText.Parse(arguments, source, target), jobs);
    }

    /// <inheritdoc/>
    public override void Commit() => job!.Start();

    /// <inheritdoc/>
    public override ValueTask AbortAsync() => job!.UndoCreateAsync();
}
