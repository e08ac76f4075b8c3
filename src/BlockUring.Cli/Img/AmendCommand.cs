using BlockUring.Cli.Output;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img amend`: changes options of an image that exists.</summary>
internal sealed class AmendCommand : ConfiguredCommand<AmendSettings>
{
    public override string Name => "amend";

    public override string Summary => "Change options of an image";

    protected override string OperandHelp => "FILENAME";

    protected override IReadOnlyList<ImgOption<AmendSettings>> Options { get; } =
    [
        CommonOptions<AmendSettings>.Help,
        new('o', "options", "NAME=VALUE,...", "options to change ('-o help' lists them)", (s, v) => s.Options = CreateOptionText.Accumulate(s.Options, v)),
        CommonOptions<AmendSettings>.Format,
        CommonOptions<AmendSettings>.ImageOptions,
        new('t', "cache", "CACHE", "cache mode (default: writeback)", (s, v) => s.Cache = v),
        new('\0', "force", null, "do also what cannot be taken back: erase the last key slot", (s, _) => s.Force = true),
        CommonOptions<AmendSettings>.Progress,
        CommonOptions<AmendSettings>.Quiet,
        CommonOptions<AmendSettings>.Object,
    ];

    protected override int Run(ImgContext context, AmendSettings settings, IReadOnlyList<string> operands)
    {
        if (settings.Options == null)
            throw CommandFailure.Usage("Must specify options (-o)");
        var asksForHelp = CreateOptionText.AsksForHelp(settings.Options);
        if (asksForHelp && settings.Format is { } format)
            return PrintOptions(context, FormatChoice.Demand(format));
        if (operands.Count != 1)
            throw new CommandFailure("Expecting one image file name");
        var open = new ImageOpenRequest(
            settings.Format, settings.ImageOptions, new FileOpenOptions(false, ImageOpener.ParseCache(settings.Cache, "cache option")));
        return Session.Run(context, async host =>
        {
            await using var image = await ImageOpener.OpenAsync(context, host, operands[0], open);
            var driver = ImageFormats.Find(image.Format.Name)!;
            return asksForHelp ? PrintOptions(context, driver) : await AmendAsync(context, settings, image, driver);
        });
    }

    private static int PrintOptions(ImgContext context, ImageDriver driver)
    {
        DemandAmendable(driver);
        context.Out.Write(CreateOptionText.AmendHelp(driver));
        return 0;
    }

    private static void DemandAmendable(ImageDriver driver)
    {
        if (driver.AmendOptions.Count == 0)
            throw new CommandFailure($"Format driver '{driver.Name}' does not support option amendment");
    }

    private static async ValueTask<int> AmendAsync(ImgContext context, AmendSettings settings, Image image, ImageDriver driver)
    {
        DemandAmendable(driver);
        var options = CreateOptionText.ParseForAmend(driver, settings.Options!);
        using var progress = ProgressReport.Start(context.Output, settings.ShowsProgress && !settings.Quiet, 1);
        progress.MoveTo(0);
        try
        {
            await ImageAmendment.RunAsync(image, options, progress.MoveTo, settings.Force);
        }
        catch (BlockException e)
        {
            progress.MoveTo(100);
            throw CommandFailure.Because("", e);
        }
        finally
        {
            await image.StoreBitmapsAsync();
        }

        progress.MoveTo(100);
        return 0;
    }
}
