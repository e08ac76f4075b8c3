using BlockUring.Jobs;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>What query-block-jobs answers of a job ("BlockJobInfo").</summary>
internal sealed record BlockJobResult(
    string Type,
    string Device,
    long Len,
    long Offset,
    bool Busy,
    bool Paused,
    long Speed,
    string IoStatus,
    bool Ready,
    string Status,
    bool AutoFinalize,
    bool AutoDismiss,
    string? Error,
    bool? ActivelySynced,
    string? CopyMode)
{
    public static BlockJobResult Of(BlockJobInfo job) => new(
        job.Type.Name(),
        job.Device,
        job.Length,
        job.Offset,
        job.IsBusy,
        job.IsPaused,
        job.Speed,
        job.IoStatus.Name(),
        job.IsReady,
        job.Status.Name(),
        job.AutoFinalize,
        job.AutoDismiss,
        job.Error,
        job.IsActivelySynced,
        job.CopyMode?.Name());
}
