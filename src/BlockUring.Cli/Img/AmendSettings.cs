namespace BlockUring.Cli.Img;

/// <summary>What `img amend` is told.</summary>
internal sealed class AmendSettings : CommonSettings
{
    /// <summary>The options to change, all -o joined; null for none.</summary>
    public string? Options { get; set; }

    /// <summary>Whether to do also what cannot be taken back.</summary>
    public bool Force { get; set; }

    /// <summary>The cache mode's name.</summary>
    public string Cache { get; set; } = "writeback";
}
