using BlockUring.Graph;
using BlockUring.Jobs;
using BlockUring.Jobs.Backup;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>drive-backup.</summary>
internal sealed class DriveBackupCommand()
    : QmpCommand<DriveBackupArguments, NoResult>("drive-backup", QmpJson.Default.DriveBackupArguments, QmpJson.Default.NoResult)
{
    /// <summary>Makes the target and a job that is not started.</summary>
    /// <param name="context">The caller holds its graph's change.</param>
    /// <param name="arguments">What the user wants.</param>
    /// <param name="transaction">The jobs with which it ends; null for none.</param>
    public static async ValueTask<(BackupJob Job, BlockNode Target)> CreateAsync(
        MonitorContext context, DriveBackupArguments arguments, JobTransaction? transaction)
    {
        var source = context.FindDevice(arguments.Device);
        var target = await DriveBackupTarget.OpenAsync(context.Graph, source, arguments, out var sync);
        try
        {
            var request = BackupText.Parse(arguments with { Sync = sync }, source, target);
            return (await BackupJob.CreateAsync(context.Graph, context.Jobs, request, transaction), target);
        }
        catch
        {
            await context.Graph.CloseIfUnusedAsync(target);
            throw;
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, DriveBackupArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var (job, _) = await CreateAsync(context, arguments, null);
        job.Start();
        return NoResult.Value;
    }
}
