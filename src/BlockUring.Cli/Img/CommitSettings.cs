using BlockUring.Jobs.Commit;

namespace BlockUring.Cli.Img;

/// <summary>What `img commit` is told.</summary>
internal sealed class CommitSettings : CommonSettings
{
    public string Cache { get; set; } = "writeback";

    public string? Base { get; set; }

    public bool KeepsContent { get; set; }

    public long RateLimit { get; set; }

    /// <summary>Whether all images but the base go on showing what they showed.</summary>
    public bool IsSafe { get; set; }

    /// <summary>Overlays of the base that are kept.</summary>
    public List<string> Protected { get; } = [];

    /// <summary>Where to look for such overlays.</summary>
    public List<string> ProtectedDirectories { get; } = [];

    /// <summary>Whether only to say what would be written.</summary>
    public bool IsDryRun { get; set; }

    /// <summary>The overlays that are to be kept; null when none are.</summary>
    public OverlayProtection? Protection => SafeCommitOptions.Parse(IsSafe, Protected, ProtectedDirectories, IsDryRun);

    /// <summary>Takes -b: the images above the base make no sense any more, so emptying one of them does not help.</summary>
    public void SetBase(string value) => (Base, KeepsContent) = (value, true);
}
