namespace BlockUring.Cli.Img;

/// <summary>What `img convert` is told, as far as single options can be judged.</summary>
internal sealed class ConvertSettings : CommonSettings
{
    private const long MaxSparseBytes = 16 << 20;
    private const int SectorLength = 512;

    public string? TargetFormat { get; set; }

    public string? Options { get; set; }

    public string? Backing { get; set; }

    public string? BackingFormat { get; set; }

    public string SourceCache { get; set; } = "writeback";

    public string TargetCache { get; set; } = "unsafe";

    public SnapshotChoice? Snapshot { get; set; }

    public bool IsCompressed { get; set; }

    public int? CompressionLevel { get; set; }

    public bool UsesCopyOffload { get; set; }

    public bool SkipsCreate { get; set; }

    public bool TargetIsZero { get; set; }

    public bool TargetImageOptions { get; set; }

    public bool WritesOutOfOrder { get; set; }

    public bool IsSalvage { get; set; }

    public bool CopiesBitmaps { get; set; }

    public bool SkipsBrokenBitmaps { get; set; }

    public int Parallel { get; set; } = 8;

    public long RateLimit { get; set; }

    public int? SparseBytes { get; set; }

    /// <summary>Takes -S.</summary>
    public void SetSparse(string value)
    {
        var bytes = SizeArgument.Parse("buffer size for sparse output", value);
        if (bytes % SectorLength != 0 || bytes > MaxSparseBytes)
        {
            throw new CommandFailure(
                $"Invalid buffer size for sparse output specified. Valid sizes are multiples of {SectorLength} up to {MaxSparseBytes}. Select " +
                "0 to disable sparse detection (fully allocates output).");
        }

        SparseBytes = (int)bytes;
    }

    /// <summary>Takes -m.</summary>
    public void SetParallel(string value)
    {
        if (!SizeArgument.TryParseNumber(value, out var count) || count is < 1 or > ConvertRequest.MaxParallel)
        {
            throw new CommandFailure(
                $"Invalid number of coroutines. Allowed number of coroutines is between 1 and {ConvertRequest.MaxParallel}");
        }

        Parallel = (int)count;
    }

    /// <summary>Takes --compression-level.</summary>
    public void SetCompressionLevel(string value) => CompressionLevel = ParseCompressionLevel(value);

    /// <summary>Parses a compression level; which levels exist depends on the method, so only the range of all is checked here.</summary>
    public static int ParseCompressionLevel(string value) =>
        SizeArgument.ParseCount(value, ConvertRequest.MaxCompressionLevel, $"Invalid compression level specified. Must be between 0 and {ConvertRequest.MaxCompressionLevel}.");
}
