namespace BlockUring.Cli.Img;

/// <summary>What `img commit` is told.</summary>
internal sealed class CommitSettings : CommonSettings
{
    public string Cache { get; set; } = "writeback";

    public string? Base { get; set; }

    public bool KeepsContent { get; set; }

    public long RateLimit { get; set; }

    /// <summary>Takes -b: the images above the base make no sense any more, so emptying one of them does not help.</summary>
    public void SetBase(string value) => (Base, KeepsContent) = (value, true);
}
