using BlockUring.Graph;
using BlockUring.Jobs;
using BlockUring.Jobs.Backup;
using BlockUring.Qmp.Commands.Jobs;

namespace BlockUring.Qmp.Commands.Transactions;

/// <summary>drive-backup. The instant that is copied is that of the transaction; a file that was made stays when it fails.</summary>
internal sealed class DriveBackupAction(MonitorContext context, DriveBackupArguments arguments, JobTransaction? jobs) : TransactionAction
{
    private BlockNode? target;
    private BackupJob? job;

    /// <inheritdoc/>
    public override bool CanBeGrouped => true;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Nodes => [arguments.Device];

    /// <inheritdoc/>
    public override async ValueTask PrepareAsync() => (job, target) = await DriveBackupCommand.CreateAsync(context, arguments, jobs);

    /// <inheritdoc/>
    public override void Commit() => job!.Start();

    /// <inheritdoc/>
    public override async ValueTask AbortAsync()
    {
        await job!.UndoCreateAsync();
        await context.Graph.CloseIfUnusedAsync(target!);
    }
}
