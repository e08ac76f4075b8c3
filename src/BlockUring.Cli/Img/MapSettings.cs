namespace BlockUring.Cli.Img;

/// <summary>What `img map` is told.</summary>
internal sealed class MapSettings : CommonSettings
{
    /// <summary>The first guest byte, in bytes.</summary>
    public long Start { get; set; }

    /// <summary>Bytes to show at most; null means to the end.</summary>
    public long? MaxLength { get; set; }
}
