using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>
/// `img check`: whether an image's metadata is sound. Exit code 0 sound, 1 not checked, 2 corrupt, 3 leaks only, 63 nothing to check.
/// </summary>
internal sealed class CheckCommand : ConfiguredCommand<CheckSettings>
{
    private const int NotSupported = 63;

    public override string Name => "check";

    public override string Summary => "Check the metadata of an image";

    protected override string OperandHelp => "FILENAME";

    protected override IReadOnlyList<ImgOption<CheckSettings>> Options { get; } =
    [
        CommonOptions<CheckSettings>.Help,
        CommonOptions<CheckSettings>.Format,
        CommonOptions<CheckSettings>.ImageOptions,
        new('T', "cache", "CACHE", "cache mode (default: writeback)", (s, v) => s.Cache = v),
        new('r', "repair", "leaks|all", "repair leaks only, or everything", SetRepair),
        CommonOptions<CheckSettings>.ForceShare,
        CommonOptions<CheckSettings>.Quiet,
        CommonOptions<CheckSettings>.Output,
        CommonOptions<CheckSettings>.Object,
    ];

    protected override int Run(ImgContext context, CheckSettings settings, IReadOnlyList<string> operands)
    {
        if (operands.Count != 1)
            throw CommandFailure.Usage("Expecting one image file name");
        var json = settings.IsJson;
        var cache = ImageOpener.ParseCache(settings.Cache, "source cache option");
        if (settings is { ForceShare: true, FixesLeaks: true })
            throw new CommandFailure($"Could not open '{operands[0]}': force-share=on can only be used with read-only images");
        return Session.Run(context, host => CheckAsync(context, host, settings, operands[0], cache, json));
    }

    private static void SetRepair(CheckSettings settings, string value)
    {
        if (value is not ("leaks" or "all"))
            throw CommandFailure.Usage($"Unknown option value for -r (expecting 'leaks' or 'all'): {value}");
        (settings.FixesLeaks, settings.FixesErrors) = (true, value == "all");
    }

    private static async ValueTask<int> CheckAsync(
        ImgContext context, FileHost host, CheckSettings settings, string name, CacheMode cache, bool json)
    {
        var file = new FileOpenOptions(!settings.FixesLeaks, cache, settings.ForceShare);
        await using var image = await ImageOpener.OpenAsync(
            context, host, name, new(settings.Format, settings.ImageOptions, file) { ForCheck = true });
        var request = new CheckRequest(line => context.Output.Error.Write(line + "\n"), settings.FixesLeaks, settings.FixesErrors)
        {
            Complain = context.Report,
        };
        var result = await CheckOnceAsync(image, request)
            ?? throw new CommandFailure("This image format does not support checks", NotSupported);
        if (result.CorruptionsFixed > 0 || result.LeaksFixed > 0)
        {
            if (!json && !settings.Quiet)
                context.Out.Write(CheckText.Repaired(result));
            var again = await CheckOnceAsync(image, request with { FixesLeaks = false, FixesErrors = false });
            result = again! with { LeaksFixed = result.LeaksFixed, CorruptionsFixed = result.CorruptionsFixed };
        }

        if (!settings.Quiet)
            context.Out.Write(json ? CheckText.Json(result, name, image.Format.Name) : CheckText.Human(result));
        if (result.CheckErrors > 0)
            throw new CommandFailure("Check failed");
        return result.Corruptions > 0 ? 2 : result.Leaks > 0 ? 3 : 0;
    }

    private static async ValueTask<CheckResult?> CheckOnceAsync(Image image, CheckRequest request)
    {
        try
        {
            return await image.Format.CheckAsync(request);
        }
        catch (BlockException e)
        {
            throw new CommandFailure($"Check failed: {ErrorText.OfCause(e)}");
        }
    }
}
