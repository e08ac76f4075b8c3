using BlockUring.Bitmaps;
using BlockUring.Graph;
using BlockUring.Jobs.Backup;
using BlockUring.Jobs.Commit;

namespace BlockUring.Jobs.Mirror;

/// <summary>What somebody who wants a mirror says.</summary>
/// <param name="Settings">What every job is started with.</param>
/// <param name="Source">The disk.</param>
/// <param name="Target">As long as the source.</param>
public sealed record MirrorRequest(JobSettings Settings, BlockNode Source, BlockNode Target)
{
    /// <summary>Requests in flight, of <see cref="MaxChunk"/> each, unless told otherwise. Why 16: more did not copy faster anywhere.</summary>
    public const int DefaultWorkers = 16;

    /// <summary>The most requests in flight.</summary>
    public const int MaxWorkers = 64;

    /// <summary>The longest read in bytes.</summary>
    public const int MaxChunk = 1 << 20;

    /// <summary>What is copied at first; what is written meanwhile is copied in any case.</summary>
    public BackupSync Sync { get; init; }

    /// <summary>For <see cref="BackupSync.Bitmap"/> and <see cref="BackupSync.Incremental"/>, and for those that shall only start a bitmap anew.</summary>
    public DirtyBitmap? Bitmap { get; init; }

    /// <summary>What becomes of the bitmap.</summary>
    public BitmapMode BitmapMode { get; init; }

    /// <summary>Bytes that one dirty bit stands for, a power of two from 512 to 64 MiB; 0 for what suits the target.</summary>
    public long Granularity { get; init; }

    /// <summary>Bytes in flight; 0 for the default.</summary>
    public long BufferLength { get; init; }

    /// <summary>When the source cannot be read.</summary>
    public JobErrorPolicy OnSourceError { get; init; }

    /// <summary>When the target cannot be written.</summary>
    public JobErrorPolicy OnTargetError { get; init; }

    /// <summary>The name of the filter node; null for one that nobody sees.</summary>
    public string? FilterName { get; init; }

    /// <summary>How what the guest writes reaches the target.</summary>
    public MirrorCopyMode CopyMode { get; init; }

    /// <summary>The name of the node whose place the target takes; null for the source.</summary>
    public string? Replaces { get; init; }

    /// <summary>Whether zeroes may be stored by giving space back.</summary>
    public bool Unmap { get; init; } = true;

    /// <summary>Whether the target is known to read as zeroes.</summary>
    public bool TargetIsZero { get; init; }

    /// <summary>What becomes of the target's backing node.</summary>
    public MirrorBacking Backing { get; init; }

    /// <summary>
    /// Awaited before a range of the target is written, by offset and length, in whole units of copying; null for nothing. What it throws counts as a
    /// failure of the target.
    /// </summary>
    public Func<long, long, ValueTask>? BeforeTargetWrite { get; init; }

    /// <summary>Whether what is copied at first is what the bitmap says.</summary>
    internal bool UsesBitmap => Sync is BackupSync.Bitmap or BackupSync.Incremental;

    /// <summary>Whether the target is a node of the source's backing chain: the commit of an active layer.</summary>
    internal bool IsCommit { get; init; }

    /// <summary>For a commit, which overlays of the target are kept as they are, besides all that are open; null when none are.</summary>
    internal OverlayProtection? Protection { get; init; }

    /// <summary>The overlays that are kept.</summary>
    internal OverlayHold? Hold { get; init; }

    /// <summary>Whether the target of a commit was read-only before.</summary>
    internal bool WasReadOnly { get; init; }
}
