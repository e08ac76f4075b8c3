namespace BlockUring.Cli.Img;

/// <summary>What `img check` is told.</summary>
internal sealed class CheckSettings : CommonSettings
{
    /// <summary>Whether leaks are given back.</summary>
    public bool FixesLeaks { get; set; }

    /// <summary>Whether corruptions are repaired.</summary>
    public bool FixesErrors { get; set; }

    /// <summary>The cache mode's name.</summary>
    public string Cache { get; set; } = "writeback";
}
