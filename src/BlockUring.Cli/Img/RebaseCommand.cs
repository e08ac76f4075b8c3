using BlockUring.Cli.Output;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img rebase`: gives an image another backing file.</summary>
internal sealed class RebaseCommand : ConfiguredCommand<RebaseSettings>
{
    public override string Name => "rebase";

    public override string Summary => "Give an image another backing file";

    protected override string OperandHelp => "FILENAME";

    protected override IReadOnlyList<ImgOption<RebaseSettings>> Options { get; } =
    [
        CommonOptions<RebaseSettings>.Help,
        CommonOptions<RebaseSettings>.Format,
        CommonOptions<RebaseSettings>.ImageOptions,
        new('b', "backing", "FILENAME", "the new backing file; '' for none", (s, v) => s.Backing = v),
        new('F', "backing-format", "FMT", "its format", (s, v) => s.BackingFormat = v),
        new('B', "", "FMT", "the same as -F", (s, v) => s.BackingFormat = v),
        new('u', "backing-unsafe", null, "change the name only; whether the content fits is not looked at", (s, _) => s.IsUnsafe = true),
        new('c', "compress", null, "compress what is copied into the image", (s, _) => s.IsCompressed = true),
        new('t', "cache", "CACHE", "cache mode of the image (default: writeback)", (s, v) => s.Cache = v),
        new('T', "backing-cache", "CACHE", "cache mode of the new backing file (default: writeback)", (s, v) => s.SourceCache = v),
        CommonOptions<RebaseSettings>.ForceShare,
        CommonOptions<RebaseSettings>.Progress,
        CommonOptions<RebaseSettings>.Quiet,
        CommonOptions<RebaseSettings>.Object,
    ];

    protected override int Run(ImgContext context, RebaseSettings settings, IReadOnlyList<string> operands)
    {
        if (operands.Count != 1)
            throw CommandFailure.Usage("Expecting one image file name");
        if (settings is { IsUnsafe: false, Backing: null })
            throw CommandFailure.Usage("Must specify backing file (-b) or use unsafe mode (-u)");
        using var progress = ProgressReport.Start(context.Output, settings.ShowsProgress && !settings.Quiet, 1);
        progress.MoveTo(0);
        var cache = ImageOpener.ParseCache(settings.Cache, "cache option");
        var sourceCache = ImageOpener.ParseCache(settings.SourceCache, "source cache option");
        var exitCode = settings.IsUnsafe
            ? Session.Run(context, host => RenameAsync(context, host, settings, operands[0], cache))
            : Session.RunBulk(context, host => RebaseAsync(context, host, settings, operands[0], cache, sourceCache, progress));
        if (exitCode == 0)
            progress.MoveTo(100);
        return exitCode;
    }

    private static async ValueTask<int> RenameAsync(ImgContext context, FileHost host, RebaseSettings settings, string name, CacheMode cache)
    {
        await using var overlay = await OpenAsync(context, host, settings, name, cache);
        await RebaseName.ChangeAsync(overlay, settings);
        await overlay.StoreBitmapsAsync();
        return 0;
    }

    private static async ValueTask<int> RebaseAsync(
        ImgContext context, FileHost host, RebaseSettings settings, string name, CacheMode cache, CacheMode sourceCache, ProgressReport progress)
    {
        await using var overlay = await OpenAsync(context, host, settings, name, cache);
        await using var backing = await RebaseBacking.OpenAsync(context, host, settings, overlay, sourceCache);
        RebaseName.Demand(overlay, settings);
        if (settings.IsCompressed && ImageFormats.Find(overlay.Format.Name) is not { CanCompress: true })
            throw new CommandFailure("Compression not supported for this file format");
        using var interruption = new Interruption();
        try
        {
            await RebaseCopy.RunAsync(host, settings, overlay, backing.Image, progress, interruption.Token);
            await RebaseName.ChangeAsync(overlay, settings);
            await overlay.StoreBitmapsAsync();
            return 0;
        }
        catch (OperationCanceledException)
        {
            // What was copied so far is what the image shows anyway.
            await overlay.FlushAsync();
            await overlay.StoreBitmapsAsync();
            return interruption.ExitCode;
        }
    }

    private static async ValueTask<Image> OpenAsync(ImgContext context, FileHost host, RebaseSettings settings, string name, CacheMode cache)
    {
        var open = new ImageOpenRequest(settings.Format, settings.ImageOptions, new FileOpenOptions(false, cache))
        {
            MetadataOnly = settings.IsUnsafe,
        };
        var overlay = await ImageOpener.OpenAsync(context, host, name, open);
        if (settings.BackingFormat is not { } format || ImageFormats.Find(format) != null)
            return overlay;
        await overlay.DisposeAsync();
        throw new CommandFailure($"Invalid format name: '{format}'");
    }
}
