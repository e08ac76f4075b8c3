namespace BlockUring.Copy;

/// <summary>How a disk is mirrored.</summary>
public sealed record MirrorCopySettings
{
    /// <summary>Bytes that one dirty bit stands for; a power of two, 512 or more.</summary>
    public int Granularity { get; init; } = 64 << 10;

    /// <summary>The longest read, in bytes; a power of two.</summary>
    public int MaxChunk { get; init; } = 1 << 20;

    /// <summary>Whether zeroes are stored even where the target reads so already, and never by giving space back.</summary>
    public bool StoresZeroes { get; init; }

    /// <summary>
    /// The cluster of a target that will get its backing file later, in bytes: none of it may be written before all of it is, since the target
    /// would take the rest from where there is nothing yet. 0 for a target that needs no such care.
    /// </summary>
    public int WholeCluster { get; init; }

    /// <summary>
    /// Awaited before a range of the target is written, by offset and length, in whole units of copying; null for nothing. What it throws counts as a
    /// failure of the target, and the range stays as it is.
    /// </summary>
    public Func<long, long, ValueTask>? BeforeTargetWrite { get; init; }
}
