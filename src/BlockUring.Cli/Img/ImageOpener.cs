using BlockUring.Images;
using BlockUring.Nbd.Client;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>Opens the images that a command line names.</summary>
internal static class ImageOpener
{
    /// <summary>Opens an image by name, or by options with --image-opts.</summary>
    /// <param name="context">Receives warnings.</param>
    /// <param name="host">Where files come from.</param>
    /// <param name="name">As given on the command line.</param>
    /// <param name="request">How to open.</param>
    /// <exception cref="CommandFailure">"Could not open 'NAME': reason".</exception>
    public static async ValueTask<Image> OpenAsync(ImgContext context, FileHost host, string name, ImageOpenRequest request)
    {
        if (request.ImageOptions && request.Format != null)
            throw new CommandFailure("--image-opts and --format are mutually exclusive", request.FailureCode);
        var settings = new ImageOpenSettings(host, request.File)
        {
            OpenBacking = !request.MetadataOnly,
            MetadataOnly = request.MetadataOnly,
            ForCheck = request.ForCheck,
            Secrets = context.Secrets,
            Gate = context.Gate,
            Warn = context.Warn,
        };
        try
        {
            var image = request.ImageOptions
                ? await BackingChain.OpenAsync(ParseOptions(name), settings)
                : await BackingChain.OpenAsync(DemandExistingFile(name), request.Format, settings, request.MoreOptions);
            if (!request.File.ReadOnly && !request.ForCheck)
                await LoadBitmapsAsync(image);
            return image;
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because($"Could not open '{name}': ", e, request.FailureCode);
        }
    }

    /// <summary>A cache mode by name.</summary>
    /// <param name="name">As given.</param>
    /// <param name="what">What the message calls the option: "cache option", "source cache option".</param>
    /// <param name="exitCode">The exit code of the failure.</param>
    /// <exception cref="CommandFailure">There is no such mode.</exception>
    public static CacheMode ParseCache(string name, string what, int exitCode = 1) =>
        CacheMode.Parse(name) ?? throw new CommandFailure($"Invalid {what}: {name}", exitCode);

    /// <summary>Refuses a name with a protocol that does not exist here.</summary>
    /// <exception cref="BlockException">"Unknown protocol 'X'".</exception>
    public static string DemandFile(string name)
    {
        var end = name.AsSpan().IndexOfAny(':', '/');
        if (end < 0 || name[end] != ':')
            return name;
        var protocol = name[..end];
        return protocol is "file" or "json" || NbdNames.Owns(name) ? name : throw new BlockException(BlockErrorKind.Invalid, $"Unknown protocol '{protocol}'");
    }

    /// <summary>As <see cref="DemandFile"/>, for a file that is to be opened.</summary>
    /// <exception cref="BlockException">"Unknown protocol 'X'", or there is no name.</exception>
    public static string DemandExistingFile(string name) => name.Length > 0
        ? DemandFile(name)
        : throw new BlockException(BlockErrorKind.Invalid, "The 'file' block driver requires a file name");

    // Who writes an image keeps its bitmaps up to date.
    private static async ValueTask LoadBitmapsAsync(Image image)
    {
        try
        {
            await image.LoadBitmapsAsync();
        }
        catch
        {
            await image.DisposeAsync();
            throw;
        }
    }

    /// <summary>What follows --image-opts.</summary>
    /// <exception cref="BlockException">It is no list of options.</exception>
    public static OptionTree ParseOptions(string text)
    {
        var end = text.AsSpan().IndexOfAny(',', '=');
        if (end >= 0 && text[end] == '=')
            return OptionTree.ParseKeyValues(text);
        // A first word without "=" refers to a node by name, and no node has one here.
        var name = end < 0 ? text : text[..end];
        throw new BlockException(BlockErrorKind.NotFound, $"Cannot find device='{name}' nor node-name='{name}'");
    }
}
