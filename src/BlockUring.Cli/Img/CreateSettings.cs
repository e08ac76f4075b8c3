namespace BlockUring.Cli.Img;

/// <summary>What `img create` is told.</summary>
internal sealed class CreateSettings : CommonSettings
{
    /// <summary>All -o values, joined.</summary>
    public string? Options { get; set; }

    /// <summary>The backing file.</summary>
    public string? Backing { get; set; }

    /// <summary>The backing file's format.</summary>
    public string? BackingFormat { get; set; }

    /// <summary>Whether the backing file is not opened.</summary>
    public bool IsUnsafe { get; set; }
}
