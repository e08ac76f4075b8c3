using BlockUring.Copy;
using BlockUring.Images;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img dd`: copies a part of an image into a new one.</summary>
/// <remarks>
/// The output holds what qemu-img's does, byte by byte; it is copied as `convert` copies, many large requests at a time, whatever the length of a
/// block is, and zeroes take no space.
/// </remarks>
internal sealed class DdCommand : ConfiguredCommand<DdSettings>
{
    public override string Name => "dd";

    public override string Summary => "Copy a part of an image into a new one";

    protected override string OperandHelp => "[bs=SIZE] [count=BLOCKS] [skip=BLOCKS] if=FILENAME of=FILENAME";

    protected override IReadOnlyList<ImgOption<DdSettings>> Options { get; } =
    [
        CommonOptions<DdSettings>.Help,
        CommonOptions<DdSettings>.Format,
        CommonOptions<DdSettings>.ImageOptions,
        new('O', "output-format", "FMT", "format of the output (default: raw)", (s, v) => s.TargetFormat = v),
        CommonOptions<DdSettings>.ForceShare,
        CommonOptions<DdSettings>.Object,
    ];

    protected override int Run(ImgContext context, DdSettings settings, IReadOnlyList<string> operands)
    {
        foreach (var operand in operands)
            settings.Take(operand);
        if (settings.Input == null || settings.Output == null)
            throw new CommandFailure("Must specify both input and output files");
        return Session.RunBulk(context, host => RunAsync(context, host, settings));
    }

    private static async ValueTask<int> RunAsync(ImgContext context, FileHost host, DdSettings settings)
    {
        var open = new ImageOpenRequest(settings.Format, settings.ImageOptions, new FileOpenOptions(true, ForceShare: settings.ForceShare));
        await using var input = await ImageOpener.OpenAsync(context, host, settings.Input!, open);
        var driver = ImageFormats.Find(settings.TargetFormat) ?? throw new CommandFailure("Unknown file format");
        var path = FormatChoice.DemandFile(settings.Output!);
        var (start, end) = settings.RangeOf(input.Length);
        using var interruption = new Interruption();
        await CreateAsync(host, driver, path, end - start, $"{settings.Output}: error while creating output image: ");
        try
        {
            var request = new ImageOpenRequest(driver.Name, false, new FileOpenOptions(false));
            await using var output = await ImageOpener.OpenAsync(context, host, settings.Output!, request);
            if (settings.SkipsTooMuch(end))
                context.Report($"{settings.Input}: cannot skip to specified offset");
            await CopyAsync(new CopySource(input, start, end - start), output, interruption.Token);
            return 0;
        }
        catch (OperationCanceledException)
        {
            NewFile.Remove(path);
            return interruption.ExitCode;
        }
    }

    private static async ValueTask CreateAsync(FileHost host, ImageDriver driver, string path, long length, string failed)
    {
        try
        {
            await NewFile.CreateAsync(host, driver, new CreateRequest(path, length, new Dictionary<string, string>()));
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because(failed, e);
        }
    }

    private static async ValueTask CopyAsync(CopySource source, Image output, CancellationToken interruption)
    {
        var settings = new CopySettings(source, output)
        {
            ChunkLength = Math.Max(1 << 20, output.ClusterLength),
            TargetIsZero = output.Format.IsZeroWhenNew,
        };
        try
        {
            await output.Format.BeginFillAsync();
            await new BlockCopy(IoThread.Current, settings).RunAsync(interruption);
            await output.FlushAsync();
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because("", e);
        }
    }
}
