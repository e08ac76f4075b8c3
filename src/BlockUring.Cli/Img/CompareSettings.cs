namespace BlockUring.Cli.Img;

/// <summary>What `img compare` is told.</summary>
internal sealed class CompareSettings : CommonSettings
{
    /// <summary>The second image's format; null means probing.</summary>
    public string? SecondFormat { get; set; }

    /// <summary>Whether sizes and allocation must agree too.</summary>
    public bool IsStrict { get; set; }

    /// <summary>The cache mode's name.</summary>
    public string Cache { get; set; } = "writeback";
}
