namespace BlockUring.Cli.Img;

/// <summary>What `img rebase` is told.</summary>
internal sealed class RebaseSettings : CommonSettings
{
    /// <summary>The new backing file's name; empty for none, null when it was not given.</summary>
    public string? Backing { get; set; }

    /// <summary>Its format; null when it was not given.</summary>
    public string? BackingFormat { get; set; }

    /// <summary>Whether only the header is changed.</summary>
    public bool IsUnsafe { get; set; }

    /// <summary>Whether what is copied is compressed.</summary>
    public bool IsCompressed { get; set; }

    /// <summary>The cache mode of the image, by name.</summary>
    public string Cache { get; set; } = "writeback";

    /// <summary>The cache mode of the new backing file, by name.</summary>
    public string SourceCache { get; set; } = "writeback";
}
