namespace BlockUring.Cli.Img;

/// <summary>What `img info` is told.</summary>
internal sealed class InfoSettings : CommonSettings
{
    /// <summary>Whether the backing chain is shown too.</summary>
    public bool ShowsChain { get; set; }
}
