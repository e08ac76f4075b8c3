using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img create`: makes an image.</summary>
internal sealed class CreateCommand : ConfiguredCommand<CreateSettings>
{
    private const long NoSize = -1;

    public override string Name => "create";

    public override string Summary => "Make an image";

    protected override string OperandHelp => "FILENAME [SIZE]";

    protected override IReadOnlyList<ImgOption<CreateSettings>> Options { get; } =
    [
        CommonOptions<CreateSettings>.Help,
        new('f', "format", "FMT", "format of the image (default: raw)", (s, v) => s.Format = v),
        new('o', "options", "NAME=VALUE,...", "options of the format ('-o help' lists them)", (s, v) => s.Options = CreateOptionText.Accumulate(s.Options, v)),
        new('b', "backing", "FILENAME", "file on which the image is based", (s, v) => s.Backing = v),
        new('F', "backing-format", "FMT", "format of the backing file", (s, v) => s.BackingFormat = v),
        new('B', "", "FMT", "the same as -F", (s, v) => s.BackingFormat = v),
        new('u', "backing-unsafe", null, "do not open the backing file", (s, _) => s.IsUnsafe = true),
        CommonOptions<CreateSettings>.Quiet,
        CommonOptions<CreateSettings>.Object,
    ];

    protected override int Run(ImgContext context, CreateSettings settings, IReadOnlyList<string> operands)
    {
        var formatName = settings.Format ?? "raw";
        if (CreateOptionText.AsksForHelp(settings.Options))
        {
            context.Out.Write(CreateOptionText.Help(FormatChoice.Demand(formatName), operands.Count > 0));
            return 0;
        }

        if (operands.Count == 0)
            throw CommandFailure.Usage("Expecting image file name");
        var size = operands.Count > 1 ? SizeArgument.Parse("image size", operands[1]) : NoSize;
        if (operands.Count > 2)
            throw CommandFailure.Usage($"Unexpected argument: {operands[2]}");
        return Session.Run(context, host => CreateAsync(context, host, settings, operands[0], size));
    }

    private static async ValueTask<int> CreateAsync(ImgContext context, FileHost host, CreateSettings settings, string path, long size)
    {
        var prefix = $"{path}: ";
        var driver = FormatChoice.Demand(settings.Format ?? "raw", prefix);
        path = FormatChoice.DemandFile(path, prefix);
        var options = new CreateOptionText(driver);
        if (settings.Options != null)
            options.Parse(settings.Options, prefix);
        if (options["size"] is { } sizeOption)
            size = size == NoSize ? long.Parse(sizeOption) : throw new CommandFailure($"{prefix}The image size must be specified only once");

        SetBacking(options, driver, settings, path, prefix);
        if (options["backing_file"] is { } backing)
        {
            var backingSize = await SizeFromBackingAsync(context, host, path, backing, options["backing_fmt"], settings.IsUnsafe, prefix);
            size = size == NoSize ? backingSize : size;
        }

        if (size == NoSize)
            throw new CommandFailure($"{prefix}Image creation needs a size parameter");
        options.Set("size", size.ToString());
        if (!settings.Quiet)
        {
            context.Out.Write($"Formatting '{path}', fmt={driver.Name} {options.Print()}\n");
            context.Out.Flush();
        }

        options.Take("size");
        await WriteAsync(host, driver, options, new CreateRequest(path, size, options.Values) { Secrets = context.Secrets }, prefix);
        return 0;
    }

    private static void SetBacking(CreateOptionText options, ImageDriver driver, CreateSettings settings, string path, string prefix)
    {
        if (settings.Backing != null)
        {
            if (!options.Knows("backing_file"))
                throw new CommandFailure($"{prefix}Backing file not supported for file format '{driver.Name}'");
            options.Set("backing_file", settings.Backing);
        }

        if (settings.BackingFormat != null)
        {
            if (!options.Knows("backing_fmt"))
                throw new CommandFailure($"{prefix}Backing file format not supported for file format '{driver.Name}'");
            options.Set("backing_fmt", settings.BackingFormat);
        }

        if (options["backing_file"] == path)
            throw new CommandFailure($"{prefix}Error: Trying to create an image with the same filename as the backing file");
        if (options["backing_file"] == "")
            throw new CommandFailure($"{prefix}Expected backing file name, got empty string");
    }

    // The backing file's size, after making sure that it can be opened and that its format is named.
    private static async ValueTask<long> SizeFromBackingAsync(
        ImgContext context, FileHost host, string path, string backing, string? format, bool isUnsafe, string prefix)
    {
        const string noFormat = "Backing file specified without backing format";
        if (isUnsafe)
            return format == null ? throw new CommandFailure(prefix + noFormat) : NoSize;
        var settings = new ImageOpenSettings(host, new FileOpenOptions(true, ForceShare: true))
        {
            Warn = context.Warn,
            MetadataOnly = true,
            Gate = context.Gate,
        };
        try
        {
            await using var image = await BackingChain.OpenAsync(ImageOpener.DemandFile(ImagePath.Combine(path, backing)), format, settings);
            return format == null
                ? throw new CommandFailure(prefix + noFormat) { Hint = $"Detected format of {image.Format.Name}." }
                : image.Length;
        }
        catch (BlockException e)
        {
            var failure = CommandFailure.Because(prefix, e);
            throw new CommandFailure(failure.Message) { Hint = failure.Hint + "Could not open backing image.\n" };
        }
    }

    private static async ValueTask WriteAsync(
        FileHost host, ImageDriver driver, CreateOptionText options, CreateRequest request, string prefix)
    {
        try
        {
            await NewFile.CreateAsync(host, driver, request);
        }
        catch (BlockException e)
        {
            throw e.ErrorNumber == Errno.EFBIG ? TooLarge(driver, options, prefix) : CommandFailure.Because(prefix, e);
        }
    }

    private static CommandFailure TooLarge(ImageDriver driver, CreateOptionText options, string prefix)
    {
        var advice = options.Knows("cluster_size") ? " (try using a larger cluster size)" : "";
        return new CommandFailure($"{prefix}The image size is too large for file format '{driver.Name}'{advice}");
    }
}
