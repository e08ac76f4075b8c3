using BlockUring.Jobs.Mirror;

namespace BlockUring.Jobs;

/// <summary>What query-block-jobs tells of a job.</summary>
/// <param name="Type">What it does.</param>
/// <param name="Device">Its name.</param>
/// <param name="Length">Work done and to do, in bytes.</param>
/// <param name="Offset">Work done, in bytes.</param>
/// <param name="IsBusy">Whether requests of it are in flight.</param>
/// <param name="IsPaused">Whether anything holds it, a user or not.</param>
/// <param name="Speed">The limit in bytes a second, 0 for none.</param>
/// <param name="IoStatus">Why it stopped.</param>
/// <param name="IsReady">Whether it can be completed.</param>
/// <param name="Status">Where it is.</param>
/// <param name="AutoFinalize">Whether its result becomes final by itself.</param>
/// <param name="AutoDismiss">Whether it is forgotten by itself.</param>
/// <param name="Error">Why it failed; null if it has not.</param>
/// <param name="IsActivelySynced">For a mirror, whether writes reach the target before they end; null for other jobs.</param>
/// <param name="CopyMode">For a mirror, how what the guest writes reaches the target now; null for other jobs.</param>
public sealed record BlockJobInfo(
    JobType Type,
    string Device,
    long Length,
    long Offset,
    bool IsBusy,
    bool IsPaused,
    long Speed,
    JobIoStatus IoStatus,
    bool IsReady,
    JobStatus Status,
    bool AutoFinalize,
    bool AutoDismiss,
    string? Error,
    bool? IsActivelySynced,
    MirrorCopyMode? CopyMode = null);
