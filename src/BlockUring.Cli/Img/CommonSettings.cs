namespace BlockUring.Cli.Img;

/// <summary>What most subcommands can be told.</summary>
internal class CommonSettings
{
    /// <summary>What the subcommand runs in.</summary>
    public ImgContext Context { get; init; } = null!;

    /// <summary>Whether to show the help and nothing else.</summary>
    public bool ShowsHelp { get; set; }

    /// <summary>The image's format; null means probing.</summary>
    public string? Format { get; set; }

    /// <summary>Whether names of images are option lists.</summary>
    public bool ImageOptions { get; set; }

    /// <summary>Whether to read although another process writes.</summary>
    public bool ForceShare { get; set; }

    /// <summary>Whether to print errors only.</summary>
    public bool Quiet { get; set; }

    /// <summary>Whether to show progress.</summary>
    public bool ShowsProgress { get; set; }

    /// <summary>"human", "json", or what else was given; null for none.</summary>
    public string? OutputFormat { get; set; }

    /// <summary>Whether results are printed as JSON.</summary>
    /// <exception cref="CommandFailure">The value is neither human nor json.</exception>
    public bool IsJson => OutputFormat switch
    {
        null or "human" => false,
        "json" => true,
        _ => throw new CommandFailure("--output must be used with human or json as argument."),
    };
}
