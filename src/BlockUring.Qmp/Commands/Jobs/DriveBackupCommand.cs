using BlockUring.Jobs.Backup;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>drive-backup.</summary>
internal sealed class DriveBackupCommand()
    : QmpCommand<DriveBackupArguments, NoResult>("drive-backup", QmpJson.Default.DriveBackupArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, DriveBackupArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var source = context.FindDevice(arguments.Device);
        var target = await DriveBackupTarget.OpenAsync(context.Graph, source, arguments, out var sync);
        try
        {
            var request = BackupText.Parse(arguments.ToBackup() with { Sync = sync }, source, target);
            var job = await BackupJob.CreateAsync(context.Graph, context.Jobs, request);
            job.Start();
            return NoResult.Value;
        }
        catch
        {
            await context.Graph.CloseIfUnusedAsync(target);
            throw;
        }
    }
}
