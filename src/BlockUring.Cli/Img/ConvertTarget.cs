using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>The target of a conversion: checks what is asked against formats and sources, makes the file, opens it.</summary>
internal sealed class ConvertTarget(ImgContext context, FileHost host, ConvertRequest request, ConvertSources sources)
{
    private static readonly CreateOption LevelOption = new("compression_level", CreateOptionKind.Number, "How hard clusters are compressed");

    private CreateOptionText? options;

    /// <summary>Whether the target was made by this conversion.</summary>
    public bool IsNew => !request.SkipsCreate;

    /// <summary>Whether the target has a backing file, so that what the sources do not hold is not zero in it.</summary>
    public bool HasBacking { get; private set; }

    /// <summary>How hard to compress, null for the method's default.</summary>
    public int? CompressionLevel { get; private set; } = request.CompressionLevel;

    /// <summary>The path of the file made, null when none was.</summary>
    public string? CreatedPath { get; private set; }

    /// <summary>Checks the request, and makes the target unless it exists.</summary>
    /// <exception cref="CommandFailure">Why not.</exception>
    public async ValueTask PrepareAsync()
    {
        var driver = request.SkipsCreate ? null : FormatChoice.Demand(request.TargetFormat!);
        var path = request.SkipsCreate ? request.Target : FormatChoice.DemandFile(request.Target);
        if (driver != null)
            options = ParseOptions(driver);
        DemandBackingMakesSense();
        if (request.IsCompressed)
            DemandCompressionMakesSense(driver);
        if (request.CopiesBitmaps && sources.Images.Count > 1)
            throw new CommandFailure("Copying bitmaps only possible with single source");
        if (request.CopiesBitmaps)
            await ConvertBitmaps.DemandSoundAsync(sources.Images[0], request.SkipsBrokenBitmaps);
        if (driver == null)
            return;
        DemandNoSource(path);
        await CreateAsync(driver, path);
    }

    /// <summary>Opens the target for writing.</summary>
    /// <exception cref="CommandFailure">Why not.</exception>
    public async ValueTask<Image> OpenAsync()
    {
        var cache = ImageOpener.ParseCache(request.TargetCache, "cache option");
        var open = new ImageOpenRequest(request.TargetFormat, request.TargetImageOptions, new FileOpenOptions(false, cache))
        {
            MoreOptions = options?.Values.Where(o => o.Key.EndsWith("key-secret", StringComparison.Ordinal)).ToDictionary(),
        };
        var image = await ImageOpener.OpenAsync(context, host, request.Target, open);
        try
        {
            DemandFits(image);
            return image;
        }
        catch
        {
            await image.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Removes the files that were made (an external data file, too): what is in them must not be taken for the whole. A device is left as it is.
    /// </summary>
    public void RemoveCreated()
    {
        if (CreatedPath == null)
            return;
        NewFile.Remove(CreatedPath);
        if (options?["data_file"] is { } dataPath)
            NewFile.Remove(dataPath);
    }

    private CreateOptionText ParseOptions(ImageDriver driver)
    {
        var parsed = new CreateOptionText(driver, request.IsCompressed && driver.CanCompress ? [LevelOption] : []);
        if (request.Options != null)
            parsed.Parse(request.Options);
        if (parsed.Take(LevelOption.Name) is { } level)
            CompressionLevel = ConvertSettings.ParseCompressionLevel(level);
        parsed.Take("size");
        if (request.Backing != null)
        {
            if (!parsed.Knows("backing_file"))
                throw new CommandFailure($"Backing file not supported for file format '{driver.Name}'");
            parsed.Set("backing_file", request.Backing);
        }

        if (request.BackingFormat != null)
        {
            if (!parsed.Knows("backing_fmt"))
                throw new CommandFailure($"Backing file format not supported for file format '{driver.Name}'");
            parsed.Set("backing_fmt", request.BackingFormat);
        }

        return parsed;
    }

    private void DemandBackingMakesSense()
    {
        HasBacking = (options?["backing_file"] ?? request.Backing) != null;
        if (request.TargetIsZero && HasBacking)
            throw new CommandFailure("Cannot use --target-is-zero when the destination image has a backing file");
        if (sources.Images.Count > 1 && HasBacking)
            throw new CommandFailure("Having a backing file for the target makes no sense when concatenating multiple input images");
        if (options?["backing_file"] != null && options["backing_fmt"] == null)
            throw new CommandFailure("Use of backing file requires explicit backing format");
    }

    private void DemandCompressionMakesSense(ImageDriver? driver)
    {
        if (driver is { CanCompress: false })
            throw new CommandFailure("Compression not supported for this file format");
        if (options?["encryption"] is "on" or "yes" or "true" or "y" || options?["encrypt.format"] != null)
            throw new CommandFailure("Compression and encryption not supported at the same time");
        if (options?["preallocation"] is not (null or "off"))
            throw new CommandFailure("Compression and preallocation not supported at the same time");
    }

    private async ValueTask CreateAsync(ImageDriver driver, string path)
    {
        var prefix = $"{request.Target}: error while converting {driver.Name}: ";
        try
        {
            await NewFile.CreateAsync(host, driver, new CreateRequest(path, sources.Length, options!.Values) { Secrets = context.Secrets });
            CreatedPath = path;
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because(prefix, e);
        }
    }

    // Why: image locks refuse that too, but not where they are turned off.
    private void DemandNoSource(string path)
    {
        foreach (var source in sources.Images)
        {
            for (var layer = source; layer != null; layer = layer.Backing as Image)
            {
                if (host.AreSame(path, layer.File.Path))
                    throw new CommandFailure($"'{path}' cannot be the target: it is read as a source");
            }
        }
    }

    private void DemandFits(Image image)
    {
        DemandNoSource(image.File.Path);
        if (request.CopiesBitmaps && !image.Format.SupportsBitmaps)
            throw new CommandFailure($"Format driver '{image.Format.Name}' does not support bitmaps");
        if (request.IsCompressed && ImageFormats.Find(image.Format.Name) is not { CanCompress: true })
            throw new CommandFailure("Compression not supported for this file format");
        if (request.SkipsCreate && image.Length < sources.Length)
            throw new CommandFailure("output file is smaller than input file");
    }
}
