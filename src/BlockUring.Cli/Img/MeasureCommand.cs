using BlockUring.Cli.Output;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img measure`: how much room an image in some format would take.</summary>
internal sealed class MeasureCommand : ConfiguredCommand<MeasureSettings>
{
    public override string Name => "measure";

    public override string Summary => "Calculate how much room a new image would take";

    protected override string OperandHelp => "[--size SIZE | FILENAME]";

    protected override IReadOnlyList<ImgOption<MeasureSettings>> Options { get; } =
    [
        CommonOptions<MeasureSettings>.Help,
        new('f', "source-format|format", "FMT", "format of the image (probed by default)", (s, v) => s.Format = v),
        CommonOptions<MeasureSettings>.ImageOptions,
        new('l', "snapshot", "SNAPSHOT", "measure an internal snapshot", (s, v) => s.Snapshot = SnapshotChoice.Parse(v)),
        new('O', "target-format", "FMT", "format to calculate for (default: raw)", (s, v) => s.TargetFormat = v),
        new('o', "target-format-options|options", "NAME=VALUE,...", "options of that format", (s, v) => s.Options = CreateOptionText.Accumulate(s.Options, v)),
        new('s', "size", "SIZE", "guest size, instead of an image", (s, v) => s.Size = SizeArgument.Parse("image size", v)),
        CommonOptions<MeasureSettings>.ForceShare,
        new('\0', "output", "human|json", "format of the output (default: human)", (s, v) => (s.OutputFormat, _) = (v, Demand(v))),
        CommonOptions<MeasureSettings>.Object,
    ];

    protected override int Run(ImgContext context, MeasureSettings settings, IReadOnlyList<string> operands)
    {
        if (operands.Count > 1)
            throw new CommandFailure("At most one filename argument is allowed.");
        var name = operands.Count == 1 ? operands[0] : null;
        if (name == null && (settings.ImageOptions || settings.Format != null || settings.Snapshot != null))
            throw new CommandFailure("--image-opts, -f, and -l require a filename argument.");
        if (name != null && settings.Size != null)
            throw new CommandFailure("--size N cannot be used together with a filename.");
        if (name == null && settings.Size == null)
            throw new CommandFailure("Either --size N or one filename must be specified.");

        var measured = Session.Run(context, host => MeasureAsync(context, host, settings, name));
        if (settings.IsJson)
        {
            var facts = new InfoObject
            {
                { "required", measured.Required },
                { "fully-allocated", measured.FullyAllocated },
                { "bitmaps", measured.Bitmaps },
            };
            context.Out.Write(JsonText.Pretty(facts) + "\n");
            return 0;
        }

        context.Out.Write($"required size: {measured.Required}\nfully allocated size: {measured.FullyAllocated}\n");
        if (measured.Bitmaps is { } bitmaps)
            context.Out.Write($"bitmaps size: {bitmaps}\n");
        return 0;
    }

    // Why: qemu-img lets getopt itself complain here, which names the subcommand, and then succeeds with the help.
    protected override int RefuseUnknown(ImgContext context, OptionScanner scanner)
    {
        var isLetter = scanner.Unrecognized.Length == 1;
        var isKnown = scanner.Option >= 0;
        context.Output.Report(Name, isLetter ? $"invalid option -- '{scanner.Unrecognized}'"
            : isKnown ? $"option '{scanner.Unrecognized}' doesn't allow an argument"
            : $"unrecognized option '{scanner.WordBefore}'");
        return PrintHelp(context);
    }

    protected override int RefuseMissing(ImgContext context, OptionScanner scanner)
    {
        var option = scanner.WordBefore;
        context.Output.Report(
            Name, option.StartsWith("--", StringComparison.Ordinal) ? $"option '{option}' requires an argument" : $"option requires an argument -- '{option[^1]}'");
        return PrintHelp(context);
    }

    private static bool Demand(string outputFormat) => new CommonSettings { OutputFormat = outputFormat }.IsJson;

    private static async ValueTask<Measurement> MeasureAsync(ImgContext context, FileHost host, MeasureSettings settings, string? name)
    {
        if (name == null)
            return await MeasureAsync(context, settings, null);
        await using var image = await ImageOpener.OpenAsync(context, host, name, ImageOpenRequest.ForReading(settings));
        if (settings.Snapshot != null)
            await settings.Snapshot.LoadAsync(image);
        return await MeasureAsync(context, settings, image);
    }

    private static ValueTask<Measurement> MeasureAsync(ImgContext context, MeasureSettings settings, Image? image)
    {
        var driver = FormatChoice.Demand(settings.TargetFormat);
        var options = new CreateOptionText(driver);
        if (settings.Options != null)
            Parse(context, options, settings);
        var size = options.Take("size") is { } text && long.TryParse(text, out var given) ? given : 0;
        var request = new CreateRequest("", image?.Length ?? settings.Size ?? size, options.Values) { Secrets = context.Secrets };
        return driver.MeasureAsync(request, image == null ? null : new ImageContent(image));
    }

    private static void Parse(ImgContext context, CreateOptionText options, MeasureSettings settings)
    {
        try
        {
            options.Parse(settings.Options!);
        }
        catch (CommandFailure e)
        {
            context.Report(e.Message);
            context.Output.Error.Write(e.Hint);
            throw new CommandFailure($"Invalid options for file format '{settings.TargetFormat}'");
        }
    }
}
