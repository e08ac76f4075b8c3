using BlockUring.Bitmaps;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img bitmap`: changes the persistent bitmaps of an image.</summary>
internal sealed class BitmapCommand : ConfiguredCommand<BitmapSettings>
{
    private const int MinDefaultGranularity = 4 << 10;
    private const int MaxDefaultGranularity = 64 << 10;

    public override string Name => "bitmap";

    public override string Summary => "Change the persistent bitmaps of an image";

    protected override string OperandHelp => "FILENAME BITMAP";

    protected override IReadOnlyList<ImgOption<BitmapSettings>> Options { get; } =
    [
        CommonOptions<BitmapSettings>.Help,
        Action("add", "make a new, empty one"),
        new('g', "granularity", "SIZE", "bytes that one bit of it stands for", (s, v) => s.Granularity = SizeArgument.Parse("granularity", v)),
        new('\0', "crash-safe", null, "with --add: all bitmaps of the image outlive a crash from now on", (s, _) => s.IsCrashSafe = true),
        Action("remove", "remove it"),
        Action("clear", "forget what it has recorded"),
        Action("enable", "from now on it records writes"),
        Action("disable", "from now on it records none"),
        new('\0', "merge", "SOURCE", "add what another one has recorded", (s, v) => s.Actions.Add(("merge", v))),
        new('b', "source-file", "FILENAME", "the image that has SOURCE (default: the same)", (s, v) => s.SourceFile = v),
        new('F', "source-format", "FMT", "its format (probed by default)", (s, v) => s.SourceFormat = v),
        CommonOptions<BitmapSettings>.Format,
        CommonOptions<BitmapSettings>.ImageOptions,
        CommonOptions<BitmapSettings>.Object,
    ];

    /// <summary>Makes a persistent bitmap.</summary>
    /// <param name="image">Open for writing, its bitmaps loaded.</param>
    /// <param name="name">Its name, new there.</param>
    /// <param name="granularity">Bytes of a chunk; 0 for the default.</param>
    /// <param name="isEnabled">Whether it records writes.</param>
    /// <exception cref="BlockException">Why not.</exception>
    public static DirtyBitmap Add(Image image, string name, long granularity, bool isEnabled)
    {
        if (name.Length == 0)
            throw new BlockException(BlockErrorKind.Invalid, "Bitmap name cannot be empty");
        if (granularity == 0)
            granularity = DefaultGranularity(image.ClusterLength);
        if (!DirtyBitmap.IsGranularity(granularity))
            throw new BlockException(BlockErrorKind.Invalid, "Granularity must be power of 2 and at least 512");
        DemandStorable(image, name, granularity);
        var bitmap = image.Bitmaps!.Create(name, image.Length, granularity);
        bitmap.IsPersistent = true;
        if (!isEnabled)
            bitmap.Disable();
        return bitmap;
    }

    protected override int Run(ImgContext context, BitmapSettings settings, IReadOnlyList<string> operands)
    {
        var complaint = (settings, operands) switch
        {
            ({ Actions.Count: 0 }, _) => "Need at least one of --add, --remove, --clear, --enable, --disable, or --merge",
            (_, not { Count: 2 }) => "Expecting filename and bitmap name",
            ({ Granularity: not 0 }, _) when settings.Actions.All(a => a.Verb != "add") => "granularity only supported with --add",
            ({ IsCrashSafe: true }, _) when settings.Actions.All(a => a.Verb != "add") => "crash-safe only supported with --add",
            ({ SourceFormat: not null, SourceFile: null }, _) => "-F only supported with -b",
            ({ SourceFile: not null }, _) when settings.Actions.All(a => a.Verb != "merge") => "Merge bitmap source file only supported with --merge",
            _ => null,
        };
        if (complaint != null)
            throw new CommandFailure(complaint);
        return Session.Run(context, host => RunAsync(context, host, settings, operands[0], operands[1]));
    }

    private static ImgOption<BitmapSettings> Action(string verb, string help) => new('\0', verb, null, help, (s, _) => s.Actions.Add((verb, "")));

    private static async ValueTask<int> RunAsync(ImgContext context, FileHost host, BitmapSettings settings, string fileName, string name)
    {
        // Why without the backing files: merging from one of them is what --source-file is for.
        var open = new ImageOpenRequest(settings.Format, settings.ImageOptions, new FileOpenOptions(false)) { MetadataOnly = true };
        await using var image = await ImageOpener.OpenAsync(context, host, fileName, open);
        await using var other = settings.SourceFile == null ? null : await OpenSourceAsync(context, host, settings);
        try
        {
            foreach (var (verb, source) in settings.Actions)
                await RunAsync(image, other ?? image, verb, source, name, settings);
        }
        catch (CommandFailure)
        {
            // Why: what was done before the failure stays done, as with qemu-img.
            await image.StoreBitmapsAsync();
            throw;
        }

        await image.StoreBitmapsAsync();
        return 0;
    }

    private static async ValueTask<Image> OpenSourceAsync(ImgContext context, FileHost host, BitmapSettings settings)
    {
        var open = new ImageOpenRequest(settings.SourceFormat, false, new FileOpenOptions(true)) { MetadataOnly = true };
        var image = await ImageOpener.OpenAsync(context, host, settings.SourceFile!, open);
        try
        {
            await image.LoadBitmapsAsync();
            return image;
        }
        catch
        {
            await image.DisposeAsync();
            throw;
        }
    }

    private static async ValueTask RunAsync(Image image, Image other, string verb, string source, string name, BitmapSettings settings)
    {
        try
        {
            await ActAsync(image, other, verb, source, name, settings);
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because($"Operation {verb} on bitmap {name} failed: ", e);
        }
    }

    private static async ValueTask ActAsync(Image image, Image other, string verb, string source, string name, BitmapSettings settings)
    {
        var bitmaps = image.Bitmaps!;
        switch (verb)
        {
            case "add":
                Add(image, name, settings.Granularity, isEnabled: true);
                if (settings.IsCrashSafe)
                    await image.Format.KeepBitmapsThroughCrashesAsync();
                break;
            case "remove":
                var removed = bitmaps.Get(name, BitmapDemands.Removable);
                await image.Format.RemoveBitmapAsync(name);
                bitmaps.Remove(removed);
                break;
            case "merge":
                var target = bitmaps.Get(name);
                var merged = other.Bitmaps!.Get(source, BitmapDemands.Readable);
                target.Demand(BitmapDemands.All);
                await image.Format.PrepareBitmapChangeAsync();
                target.Merge(merged);
                break;
            default:
                var bitmap = bitmaps.Get(name, verb == "clear" ? BitmapDemands.All : BitmapDemands.Readable);
                await image.Format.PrepareBitmapChangeAsync(onlyClears: verb == "clear");
                if (verb == "clear")
                    bitmap.Clear();
                else if (verb == "enable")
                    bitmap.Enable();
                else
                    bitmap.Disable();
                break;
        }
    }

    private static long DefaultGranularity(int clusterLength) =>
        clusterLength == 0 ? MaxDefaultGranularity : Math.Clamp(clusterLength, MinDefaultGranularity, MaxDefaultGranularity);

    private static void DemandStorable(Image image, string name, long granularity)
    {
        if (!image.Format.SupportsBacking)
            throw new BlockException(BlockErrorKind.Unsupported, $"Can't store persistent bitmaps to {image.FileName}: Operation not supported");
        image.Bitmaps!.DemandNew(name);
        try
        {
            image.Format.DemandBitmapStorable(image.Bitmaps, name, granularity);
        }
        catch (BlockException e)
        {
            throw new BlockException(e.Kind, $"Can't make bitmap '{name}' persistent in '{image.FileName}': {e.Message}", e.ErrorNumber, e);
        }
    }
}
