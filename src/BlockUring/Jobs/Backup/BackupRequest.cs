using BlockUring.Bitmaps;
using BlockUring.Graph;

namespace BlockUring.Jobs.Backup;

/// <summary>What somebody who wants a backup says.</summary>
/// <param name="Settings">What every job is started with.</param>
/// <param name="Source">The disk.</param>
/// <param name="Target">As long as the source.</param>
public sealed record BackupRequest(JobSettings Settings, BlockNode Source, BlockNode Target)
{
    /// <summary>What is copied.</summary>
    public BackupSync Sync { get; init; }

    /// <summary>For <see cref="BackupSync.Bitmap"/> and <see cref="BackupSync.Incremental"/>, and for those that shall only start a bitmap anew.</summary>
    public DirtyBitmap? Bitmap { get; init; }

    /// <summary>What becomes of the bitmap.</summary>
    public BitmapMode BitmapMode { get; init; }

    /// <summary>Whether clusters are compressed.</summary>
    public bool Compress { get; init; }

    /// <summary>When the source cannot be read.</summary>
    public JobErrorPolicy OnSourceError { get; init; }

    /// <summary>When the target cannot be written.</summary>
    public JobErrorPolicy OnTargetError { get; init; }

    /// <summary>Whether a write of the guest that cannot be saved breaks the backup, rather than failing.</summary>
    public bool BreaksSnapshot { get; init; }

    /// <summary>The name of the filter node; null for one that nobody sees.</summary>
    public string? FilterName { get; init; }

    /// <summary>Whether the source gives up what was copied.</summary>
    public bool DiscardSource { get; init; }

    /// <summary>Requests in flight.</summary>
    public int MaxWorkers { get; init; } = DefaultWorkers;

    /// <summary>The longest request in bytes; 0 for the default.</summary>
    public long MaxChunk { get; init; }

    /// <summary>The least unit of copying in bytes; 0 for none.</summary>
    public long MinClusterLength { get; init; }

    /// <summary>The most requests in flight: what more were asked for would only take memory.</summary>
    public const int MaxWorkerCount = 256;

    /// <summary>Requests in flight unless told otherwise. Why 16: of 1 MiB each, more did not copy faster anywhere.</summary>
    public const int DefaultWorkers = 16;
}
