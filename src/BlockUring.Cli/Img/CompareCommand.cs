using BlockUring.Cli.Output;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img compare`: whether two images show the guest the same bytes. Exit code 0 same, 1 different, 2 to 4 errors.</summary>
internal sealed class CompareCommand : ConfiguredCommand<CompareSettings>
{
    private const int OpenFailure = 2;

    public override string Name => "compare";

    public override string Summary => "Check whether two images have the same content";

    protected override string OperandHelp => "FILENAME1 FILENAME2";

    protected override IReadOnlyList<ImgOption<CompareSettings>> Options { get; } =
    [
        CommonOptions<CompareSettings>.Help,
        new('f', "a-format", "FMT", "format of the first image (probed by default)", (s, v) => s.Format = v),
        new('F', "b-format", "FMT", "format of the second image (probed by default)", (s, v) => s.SecondFormat = v),
        CommonOptions<CompareSettings>.ImageOptions,
        new('s', "strict", null, "fail on different sizes or allocation too", (s, _) => s.IsStrict = true),
        new('T', "cache", "CACHE", "cache mode of both images (default: writeback)", (s, v) => s.Cache = v),
        CommonOptions<CompareSettings>.Progress,
        CommonOptions<CompareSettings>.Quiet,
        CommonOptions<CompareSettings>.ForceShare,
        new('\0', "object", "OBJDEF", "define an object such as a secret", (s, v) => AddObject(s.Context, v)),
    ];

    protected override int Run(ImgContext context, CompareSettings settings, IReadOnlyList<string> operands)
    {
        if (operands.Count != 2)
            throw CommandFailure.Usage("Expecting two image file names");
        using var progress = ProgressReport.Start(context.Output, settings.ShowsProgress && !settings.Quiet, 2);
        var cache = ImageOpener.ParseCache(settings.Cache, "source cache option", OpenFailure);
        return Session.RunBulk(context, host => CompareAsync(context, host, settings, operands, cache, progress));
    }

    private static async ValueTask<int> CompareAsync(
        ImgContext context, FileHost host, CompareSettings settings, IReadOnlyList<string> names, CacheMode cache, ProgressReport progress)
    {
        var request = ImageOpenRequest.ForReading(settings, cache) with { FailureCode = OpenFailure };
        await using var first = await ImageOpener.OpenAsync(context, host, names[0], request);
        await using var second = await ImageOpener.OpenAsync(context, host, names[1], request with { Format = settings.SecondFormat });
        progress.TotalBytes = Math.Max(first.Length, second.Length);
        progress.MoveTo(0);
        var print = settings.Quiet ? (Action<string>)(_ => { }) : line => context.Out.Write(line + "\n");
        var comparison = new ImageComparison(
            new(first, names[0]), new(second, names[1]), settings.IsStrict, progress, () => print("Warning: Image size mismatch!"));
        var difference = await comparison.RunAsync();
        print(difference ?? "Images are identical.");
        return difference == null ? 0 : 1;
    }

    private static void AddObject(ImgContext context, string text)
    {
        try
        {
            context.AddObject(text);
        }
        catch (CommandFailure e)
        {
            throw new CommandFailure(e.Message, OpenFailure);
        }
    }
}
