using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img info`: what an image is, and with --backing-chain all images below it.</summary>
internal sealed class InfoCommand : ConfiguredCommand<InfoSettings>
{
    public override string Name => "info";

    public override string Summary => "Show what is known about an image";

    protected override string OperandHelp => "FILENAME";

    protected override IReadOnlyList<ImgOption<InfoSettings>> Options { get; } =
    [
        CommonOptions<InfoSettings>.Help,
        CommonOptions<InfoSettings>.Format,
        CommonOptions<InfoSettings>.ImageOptions,
        new('\0', "backing-chain", null, "show the images below too", (s, _) => s.ShowsChain = true),
        CommonOptions<InfoSettings>.ForceShare,
        CommonOptions<InfoSettings>.Output,
        CommonOptions<InfoSettings>.Object,
    ];

    protected override int Run(ImgContext context, InfoSettings settings, IReadOnlyList<string> operands)
    {
        if (operands.Count != 1)
            throw CommandFailure.Usage("Expecting one image file name");
        var json = settings.IsJson;
        var images = Session.Run(context, host => CollectAsync(context, host, settings, operands[0]));
        if (!json)
            context.Out.Write(string.Join('\n', images.Select(ImageInfoText.Human)));
        else
            context.Out.Write(ImageInfoText.Json(images, settings.ShowsChain) + "\n");
        return 0;
    }

    // Opens the images one by one, so that a chain is shown as far as file names go, without needing any layer's content.
    private static async ValueTask<List<ImageInfo>> CollectAsync(ImgContext context, FileHost host, InfoSettings settings, string name)
    {
        var request = ImageOpenRequest.ForReading(settings) with { MetadataOnly = true };
        var found = new List<ImageInfo>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var next = name; next != null;)
        {
            if (!seen.Add(next))
                throw new CommandFailure($"Backing file '{next}' creates an infinite loop.");
            await using var image = await ImageOpener.OpenAsync(context, host, next, request);
            var info = ImageInfo.Of(image);
            found.Add(info);
            next = settings.ShowsChain ? info.FullBackingFileName : null;
            if (next != null)
                context.Gate.Demand(next, info.FileName);
            request = request with { Format = image.Format.BackingFormat, ImageOptions = false };
        }

        return found;
    }
}
