namespace BlockUring.Cli.Img;

/// <summary>What `img bitmap` is told.</summary>
internal sealed class BitmapSettings : CommonSettings
{
    /// <summary>What is to be done, in order: the verb, and the source of a merge.</summary>
    public List<(string Verb, string Source)> Actions { get; } = [];

    /// <summary>Bytes of a chunk of a new bitmap; 0 for the default.</summary>
    public long Granularity { get; set; }

    /// <summary>Whether the bitmaps are to outlive a crash.</summary>
    public bool IsCrashSafe { get; set; }

    /// <summary>The image whose bitmaps are merged; null for the same.</summary>
    public string? SourceFile { get; set; }

    /// <summary>Its format; null means probing.</summary>
    public string? SourceFormat { get; set; }
}
