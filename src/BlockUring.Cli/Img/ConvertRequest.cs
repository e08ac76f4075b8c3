using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>A conversion that has been asked for and makes sense as far as that can be told without opening anything.</summary>
internal sealed record ConvertRequest
{
    /// <summary>The most requests in flight (-m).</summary>
    public const int MaxParallel = 16;

    /// <summary>The highest level of any compression method (zstd's).</summary>
    public const int MaxCompressionLevel = 22;

    /// <summary>The images to read, one after the other.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    /// <summary>How they are opened.</summary>
    public required ImageOpenRequest SourceOpen { get; init; }

    /// <summary>The internal snapshot to read, null for the current content.</summary>
    public SnapshotChoice? Snapshot { get; init; }

    /// <summary>The image to write.</summary>
    public required string Target { get; init; }

    /// <summary>The target's format; null only with <see cref="TargetImageOptions"/>.</summary>
    public required string? TargetFormat { get; init; }

    /// <summary>Whether <see cref="Target"/> is a list of options.</summary>
    public bool TargetImageOptions { get; init; }

    /// <summary>The creation options as text, null for none.</summary>
    public string? Options { get; init; }

    /// <summary>The target's backing file; what it holds is not copied.</summary>
    public string? Backing { get; init; }

    /// <summary>The backing file's format.</summary>
    public string? BackingFormat { get; init; }

    /// <summary>The name of the target's cache mode: an unknown one is refused only after creating the target, as in qemu-img.</summary>
    public required string TargetCache { get; init; }

    /// <summary>Whether clusters are written compressed.</summary>
    public bool IsCompressed { get; init; }

    /// <summary>How hard to compress, null for the method's default.</summary>
    public int? CompressionLevel { get; init; }

    /// <summary>Bytes of zeroes in a row that become a hole; 0 writes everything and keeps no hole.</summary>
    public int SparseBytes { get; init; } = 4096;

    /// <summary>Whether the target exists and is written into.</summary>
    public bool SkipsCreate { get; init; }

    /// <summary>Whether the existing target reads as zeroes.</summary>
    public bool TargetIsZero { get; init; }

    /// <summary>Whether the host copies where it can (reflink, copy_file_range).</summary>
    public bool UsesCopyOffload { get; init; }

    /// <summary>Whether the target may be written in any order.</summary>
    public bool WritesOutOfOrder { get; init; }

    /// <summary>Requests in flight, 1 to <see cref="MaxParallel"/>.</summary>
    public int Parallel { get; init; } = 8;

    /// <summary>Bytes a second, 0 for no limit.</summary>
    public long RateLimit { get; init; }

    /// <summary>Whether unreadable parts become zeroes instead of ending the conversion.</summary>
    public bool IsSalvage { get; init; }

    /// <summary>Whether persistent bitmaps are copied.</summary>
    public bool CopiesBitmaps { get; init; }

    /// <summary>Whether inconsistent bitmaps are left out instead of ending the conversion.</summary>
    public bool SkipsBrokenBitmaps { get; init; }

    /// <summary>Whether nothing but errors is printed.</summary>
    public bool IsQuiet { get; init; }

    /// <summary>Checks the settings against each other.</summary>
    /// <exception cref="CommandFailure">They do not go together.</exception>
    public static ConvertRequest From(ConvertSettings settings, IReadOnlyList<string> operands)
    {
        DemandConsistent(settings);
        if (operands.Count < 2)
            throw new CommandFailure("Must specify image file name");
        var sourceCache = ImageOpener.ParseCache(settings.SourceCache, "source cache option");
        return new ConvertRequest
        {
            Sources = [.. operands.Take(operands.Count - 1)],
            SourceOpen = ImageOpenRequest.ForReading(settings, sourceCache) with
            {
                // A copy of something that changes meanwhile is worth nothing.
                File = new FileOpenOptions(true, sourceCache, settings.ForceShare),
            },
            Snapshot = settings.Snapshot,
            Target = operands[^1],
            TargetFormat = TargetFormatOf(settings),
            TargetImageOptions = settings.TargetImageOptions,
            Options = settings.Options,
            Backing = settings.Backing,
            BackingFormat = settings.BackingFormat,
            TargetCache = settings.TargetCache,
            IsCompressed = settings.IsCompressed,
            CompressionLevel = settings.CompressionLevel,
            SparseBytes = settings.SparseBytes ?? 4096,
            SkipsCreate = settings.SkipsCreate,
            TargetIsZero = settings.TargetIsZero,
            UsesCopyOffload = settings.UsesCopyOffload,
            WritesOutOfOrder = settings.WritesOutOfOrder,
            Parallel = settings.Parallel,
            RateLimit = settings.RateLimit,
            IsSalvage = settings.IsSalvage,
            CopiesBitmaps = settings.CopiesBitmaps,
            SkipsBrokenBitmaps = settings.SkipsBrokenBitmaps,
            IsQuiet = settings.Quiet,
        };
    }

    /// <summary>The target's format in force: raw unless the target's own options say.</summary>
    public static string? TargetFormatOf(ConvertSettings settings) =>
        settings.TargetFormat ?? (settings.TargetImageOptions ? null : "raw");

    /// <summary>Refuses options that exclude each other.</summary>
    /// <exception cref="CommandFailure">They do.</exception>
    public static void DemandConsistent(ConvertSettings settings)
    {
        var complaint = settings switch
        {
            { SkipsBrokenBitmaps: true, CopiesBitmaps: false } => "Use of --skip-broken-bitmaps requires --bitmaps",
            { IsCompressed: true, UsesCopyOffload: true } => "Cannot enable copy offloading when -c is used",
            { SparseBytes: not null, UsesCopyOffload: true } => "Cannot enable copy offloading when -S is used",
            { UsesCopyOffload: true, IsSalvage: true } => "Cannot use copy offloading in salvaging mode",
            { TargetImageOptions: true, SkipsCreate: false } => "--target-image-opts requires use of -n flag",
            { SkipsCreate: true, Options: not null } => "-o has no effect when skipping image creation",
            { TargetIsZero: true, SkipsCreate: false } => "--target-is-zero requires use of -n flag",
            { CompressionLevel: not null, IsCompressed: false } => "--compression-level requires use of -c flag",
            _ => null,
        };
        if (complaint != null)
            throw new CommandFailure(complaint);
    }
}
