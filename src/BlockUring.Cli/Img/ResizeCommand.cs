using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img resize`: changes the size of the guest disk.</summary>
internal sealed class ResizeCommand : ConfiguredCommand<ResizeSettings>
{
    // The command's own name, an image and a size.
    private const int FewestWords = 3;

    private const string ShrinkWarning =
        "Shrinking an image will delete all data beyond the shrunken image's end. " +
        "Before performing such an operation, make sure there is no important data there.";

    public override string Name => "resize";

    public override string Summary => "Change the size of an image";

    protected override string OperandHelp => "FILENAME [+|-]SIZE";

    protected override IReadOnlyList<ImgOption<ResizeSettings>> Options { get; } =
    [
        CommonOptions<ResizeSettings>.Help,
        CommonOptions<ResizeSettings>.Format,
        CommonOptions<ResizeSettings>.ImageOptions,
        new('\0', "preallocation", "off|metadata|falloc|full", "how what is added is reserved (default: off)", (s, v) => s.SetPreallocation(v)),
        new('\0', "shrink", null, "let the image become smaller", (s, _) => s.MayShrink = true),
        CommonOptions<ResizeSettings>.Quiet,
        CommonOptions<ResizeSettings>.Object,
    ];

    /// <summary>Takes the last word as the size before it reads options: "-1G" is none.</summary>
    /// <inheritdoc/>
    public override int Run(ImgContext context, IReadOnlyList<string> words)
    {
        if (words is [_, "-h" or "--help"])
            return PrintHelp(context);
        if (words.Count < FewestWords)
            throw CommandFailure.Usage("Not enough arguments");
        return Parse(context, [.. words.SkipLast(1)], out var exitCode) is { } parsed
            ? Run(context, parsed.Settings, [.. parsed.Operands, words[^1]])
            : exitCode;
    }

    protected override int Run(ImgContext context, ResizeSettings settings, IReadOnlyList<string> operands)
    {
        if (operands.Count != 2)
            throw CommandFailure.Usage("Expecting image file name and size");
        var size = SizeChange.Parse(operands[1]);
        return settings.Preallocation == PreallocationMode.Full
            ? Session.RunBulk(context, host => ResizeAsync(context, host, settings, operands[0], size))
            : Session.Run(context, host => ResizeAsync(context, host, settings, operands[0], size));
    }

    private static async ValueTask<int> ResizeAsync(ImgContext context, FileHost host, ResizeSettings settings, string name, SizeChange change)
    {
        var open = new ImageOpenRequest(settings.Format, settings.ImageOptions, new FileOpenOptions(ReadOnly: false));
        await using var image = await ImageOpener.OpenAsync(context, host, name, open);
        var length = change.From(image.Length);
        DemandSensible(context, settings, image.Length, length);
        try
        {
            DemandChangeable(image, length);
            image.Format.DemandBitmapsResizable(image.Bitmaps!, length);
            await image.ResizeAsync(length, settings.Preallocation);
            image.Bitmaps!.Truncate(image.Length);
        }
        catch (BlockException)
        {
            await TryFlushAsync(image);
            throw;
        }

        await image.FlushAsync();
        await image.StoreBitmapsAsync();
        if (!settings.Quiet)
            context.Out.Write("Image resized.\n");
        return 0;
    }

    private static void DemandSensible(ImgContext context, ResizeSettings settings, long current, long length)
    {
        if (length <= 0)
            throw new CommandFailure("New image size must be positive");
        if (length <= current && settings.Preallocation != PreallocationMode.Off)
            throw new CommandFailure("Preallocation can only be used for growing images");
        if (length >= current || settings.MayShrink)
        {
            if (length > NodeResize.MaxLength)
                throw new CommandFailure($"offset({length}) exceeds maximum({NodeResize.MaxLength})");
            return;
        }

        context.Report("Use the --shrink option to perform a shrink operation.");
        context.Warn(ShrinkWarning);
        throw new CommandFailure("");
    }

    // Why for these: the disk is as long as its file, which would be left as it is.
    private static void DemandChangeable(Image image, long length)
    {
        if (image.Format.ClusterLength == 0 && length != image.Length && image.File.FixedLengthReason is { } reason)
            throw new CommandFailure(reason);
    }

    // What it took of the file's space meanwhile, it gives back.
    private static async ValueTask TryFlushAsync(Image image)
    {
        try
        {
            await image.FlushAsync();
            await image.StoreBitmapsAsync();
        }
        catch (BlockException)
        {
            // The failure that led here is the one to report.
        }
    }
}
