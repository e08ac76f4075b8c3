using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>How an image on the command line is opened.</summary>
/// <param name="Format">The format; null means probing.</param>
/// <param name="ImageOptions">Whether the name is a list of options.</param>
/// <param name="File">How its file is opened.</param>
internal sealed record ImageOpenRequest(string? Format, bool ImageOptions, FileOpenOptions File)
{
    /// <summary>Whether no guest data will be read: then neither the backing chain nor other files that hold only data are opened.</summary>
    public bool MetadataOnly { get; init; }

    /// <summary>Whether the image is to be checked, so that broken metadata is a finding where possible.</summary>
    public bool ForCheck { get; init; }

    /// <summary>Options of the format beside the name: the keys of a target that was just made.</summary>
    public IReadOnlyDictionary<string, string>? MoreOptions { get; init; }

    /// <summary>The exit code when it cannot be opened.</summary>
    public int FailureCode { get; init; } = 1;

    /// <summary>Reading an image as the settings of a command say.</summary>
    public static ImageOpenRequest ForReading(CommonSettings settings, CacheMode? cache = null) =>
        new(settings.Format, settings.ImageOptions, new FileOpenOptions(true, cache, settings.ForceShare, ShareWrite: true));
}
