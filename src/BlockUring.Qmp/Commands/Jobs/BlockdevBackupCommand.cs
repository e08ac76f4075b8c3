using BlockUring.Jobs.Backup;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>blockdev-backup.</summary>
internal sealed class BlockdevBackupCommand()
    : QmpCommand<BackupArguments, NoResult>("blockdev-backup", QmpJson.Default.BackupArguments, QmpJson.Default.NoResult)
{
    /// <inheritdoc/>
    protected override async ValueTask<NoResult> RunAsync(MonitorContext context, BackupArguments arguments)
    {
        using var change = await context.Graph.BeginChangeAsync();
        var (source, target) = (context.FindDevice(arguments.Device), context.FindDevice(arguments.Target));
        var job = await BackupJob.CreateAsync(context.Graph, context.Jobs, BackupText.Parse(arguments, source, target));
        job.Start();
        return NoResult.Value;
    }
}
