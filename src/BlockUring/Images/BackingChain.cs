using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>Opens images with all that lies below them: by file name (plain, "file:", "json:{…}") or by options.</summary>
public static class BackingChain
{
    /// <summary>The longest chain that is opened.</summary>
    public const int MaxDepth = 200;

    /// <summary>Opens an image by name.</summary>
    /// <param name="name">A path, "file:PATH" or "json:{…}".</param>
    /// <param name="format">The driver's name; null means probing.</param>
    /// <param name="settings">How.</param>
    /// <param name="more">Options beside the name; null for none.</param>
    /// <exception cref="BlockException">Why not, without the image's name where it is not a file that is missing.</exception>
    public static async ValueTask<Image> OpenAsync(
        string name, string? format, ImageOpenSettings settings, IReadOnlyDictionary<string, string>? more = null)
    {
        var options = name.StartsWith("json:", StringComparison.Ordinal)
            ? OptionTree.ParseJson(name[5..])
            : FileSource.OptionsOf(settings.Host, name);
        if (format != null)
            options.Set("driver", format);
        foreach (var (key, value) in more ?? new Dictionary<string, string>())
            options.Set(key, value);
        return await OpenLayerAsync(name, options, settings, []);
    }

    /// <summary>Opens an image by options, as --image-opts has them ("driver=qcow2,file.filename=x").</summary>
    /// <exception cref="BlockException">Why not, without the image's name where it is not a file that is missing.</exception>
    public static async ValueTask<Image> OpenAsync(OptionTree options, ImageOpenSettings settings)
    {
        var name = options.Get("file.filename") ?? options.Get("filename") ?? "";
        return await OpenLayerAsync(name, options.Clone(), settings, []);
    }

    /// <summary>What a user is to be told whose image was taken for raw and can be written.</summary>
    /// <param name="name">As the user named it.</param>
    public static string GuessWarning(string name) =>
        $"WARNING: Image format was not specified for '{name}' and probing guessed raw.\n" +
        "         Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.\n" +
        "         Specify the 'raw' format explicitly to remove the restrictions.";

    private static async ValueTask<Image> OpenLayerAsync(string name, OptionTree options, ImageOpenSettings settings, List<string> above)
    {
        var fileOptions = TakeFileOptions(options, settings.File);
        options.TryTake("driver", out var driverName);
        var isProtocol = driverName is "file" or "host_device" || (driverName != null && settings.Host.FindProtocol(driverName) != null);
        var source = TakeSource(options, isProtocol ? driverName : null, settings.Host);
        DemandNoLoop(source.Name, above);
        var (file, driver) = await OpenFileAsync(source, isProtocol ? "raw" : driverName, fileOptions, name, settings);
        if (driver.Name != "raw")
            fileOptions = fileOptions with { ShareWrite = false };
        ImageFormat? format = null;
        try
        {
            var backingOptions = options.TakeSubtree("backing");
            options.TryTake("backing", out var backingReference);
            format = isProtocol
                ? new Raw.RawImage(file, driverName!)
                : await driver.OpenAsync(new OpenContext(settings.Host, file, fileOptions, options, settings.Gate, settings.Warn)
                {
                    MetadataOnly = settings.MetadataOnly,
                    ForCheck = settings.ForCheck,
                    Secrets = settings.Secrets,
                });
            format.CorruptionFound = corruption => settings.Warn(corruption.ToString());
            DemandNothingLeft(options, driver);
            var backing = backingReference == ""
                ? null
                : await OpenBackingAsync(format, file.Path, backingOptions, settings, [.. above, source.Name]);
            return new Image(name, format, file, backing);
        }
        catch
        {
            if (format != null)
                await format.DisposeAsync();
            await file.DisposeAsync();
            throw;
        }
    }

    private static async ValueTask<Image?> OpenBackingAsync(
        ImageFormat format, string path, OptionTree given, ImageOpenSettings settings, List<string> above)
    {
        if (!settings.OpenBacking || !format.SupportsBacking || (format.BackingFileName == null && given.IsEmpty))
            return null;
        var options = given;
        var name = given.Get("file.filename") ?? "";
        if (given.Get("file.filename") == null && format.BackingFileName is { } stored)
        {
            name = ImagePath.Combine(path, stored);
            settings.Gate.Demand(name, path);
            var found = name.StartsWith("json:", StringComparison.Ordinal) ? OptionTree.ParseJson(name[5..])
                : FileSource.OptionsOf(settings.Host, name);
            foreach (var (key, value) in given.Values)
                found.Set(key, value);
            options = found;
        }

        if (options.Get("driver") == null && format.BackingFormat is { } backingFormat)
            options.Set("driver", backingFormat);
        var below = settings with { File = settings.File with { ReadOnly = true, ShareWrite = false } };
        try
        {
            return await OpenLayerAsync(name, options, below, above);
        }
        catch (BlockException e)
        {
            throw new BlockException(e.Kind, "Could not open backing file: " + e.Message, e.ErrorNumber, e) { Path = e.Path, Offset = e.Offset };
        }
    }

    private static async ValueTask<(BlockFile File, ImageDriver Driver)> OpenFileAsync(
        FileSource source, string? driverName, FileOpenOptions how, string name, ImageOpenSettings settings)
    {
        var driver = driverName == null
            ? null
            : ImageFormats.Find(driverName) ?? throw new BlockException(BlockErrorKind.Invalid, $"Unknown driver '{driverName}'");

        // Why: only readers of raw images tolerate writers, as in QEMU, so the format is known before the locks are taken.
        if (driver == null && !source.OpensOnce)
        {
            await using var probing = await source.OpenAsync(how with { ReadOnly = true, Locking = false, Cache = CacheMode.Writeback });
            driver = await ProbeAsync(probing, how, name, settings);
        }

        var file = await source.OpenAsync(driver is { Name: "raw" } ? how : how with { ShareWrite = false });
        try
        {
            return (file, driver ?? await ProbeAsync(file, how, name, settings));
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    private static async ValueTask<ImageDriver> ProbeAsync(BlockFile file, FileOpenOptions how, string name, ImageOpenSettings settings)
    {
        using var head = file.Buffers.Rent(BufferPool.Alignment);
        await file.ReadAsync(0, head.Memory);
        var driver = ImageFormats.Probe(head.Span[..(int)Math.Min(ImageFormats.ProbeLength, file.Length)]);
        if (driver.Name == "raw" && !how.ReadOnly)
            settings.Warn(GuessWarning(name));
        return driver;
    }

    // What the image is in: the options of the protocol that it is itself, or of its file.
    private static FileSource TakeSource(OptionTree options, string? protocolName, FileHost host)
    {
        if (protocolName != null && host.FindProtocol(protocolName) is { } itself)
        {
            var all = options.Clone();
            foreach (var key in options.Values.Keys.ToArray())
                options.TryTake(key, out _);
            return FileSource.OfProtocol(host, itself, all);
        }

        if (protocolName != null && options.TryTake("filename", out var direct))
            return FileSource.OfPath(host, direct);
        if (options.TryTake("file.driver", out var fileDriver) && fileDriver is not ("file" or "host_device"))
        {
            return host.FindProtocol(fileDriver) is { } protocol
                ? FileSource.OfProtocol(host, protocol, options.TakeSubtree("file"))
                : throw new BlockException(BlockErrorKind.Unsupported, $"Unknown driver '{fileDriver}'");
        }

        return options.TryTake("file.filename", out var path)
            ? FileSource.OfPath(host, path)
            : throw new BlockException(BlockErrorKind.Invalid, "A block device must be specified for \"file\"");
    }

    private static FileOpenOptions TakeFileOptions(OptionTree options, FileOpenOptions given)
    {
        var file = options.TakeSubtree("file");
        var result = given;
        if (TakeBool(file, "locking") == false)
            result = result with { Locking = false };
        var cache = result.CacheInForce;
        var direct = TakeBool(file, "cache.direct") ?? TakeBool(options, "cache.direct") ?? cache.Direct;
        var noFlush = TakeBool(file, "cache.no-flush") ?? TakeBool(options, "cache.no-flush") ?? cache.NoFlush;
        if (direct != cache.Direct || noFlush != cache.NoFlush)
            result = result with { Cache = new CacheMode("custom", direct, noFlush, cache.WriteThrough) };
        if ((TakeBool(options, "force-share") ?? TakeBool(file, "force-share")) == true)
            result = result with { ForceShare = true };
        foreach (var ignored in (string[])["read-only", "auto-read-only", "node-name", "aio", "discard", "detect-zeroes", "drop-cache"])
        {
            file.TryTake(ignored, out _);
            options.TryTake(ignored, out _);
        }

        foreach (var (key, value) in file.Values)
            options.Set("file." + key, value);
        return result;
    }

    private static bool? TakeBool(OptionTree options, string name)
    {
        if (!options.TryTake(name, out var text))
            return null;
        return text switch
        {
            "on" or "yes" or "true" or "y" => true,
            "off" or "no" or "false" or "n" => false,
            "auto" when name == "locking" => true,
            _ => throw new BlockException(BlockErrorKind.Invalid, $"Parameter '{name}' expects 'on' or 'off'"),
        };
    }

    private static void DemandNoLoop(string path, List<string> above)
    {
        if (above.Contains(path))
            throw new BlockException(BlockErrorKind.Invalid, $"Backing file '{path}' of '{above[^1]}' creates an infinite loop");
        if (above.Count >= MaxDepth)
            throw new BlockException(BlockErrorKind.Limit, $"The backing chain is longer than {MaxDepth} images");
    }

    private static void DemandNothingLeft(OptionTree options, ImageDriver driver)
    {
        foreach (var name in options.Values.Keys)
            throw new BlockException(BlockErrorKind.Invalid, $"Block format '{driver.Name}' does not support the option '{name}'");
    }
}
