using BlockUring.Cli.Output;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img convert`: copies images into another one, of any format.</summary>
internal sealed class ConvertCommand : ConfiguredCommand<ConvertSettings>
{
    public override string Name => "convert";

    public override string Summary => "Copy an image, converting its format";

    protected override string OperandHelp => "SOURCE... TARGET";

    protected override IReadOnlyList<ImgOption<ConvertSettings>> Options { get; } =
    [
        CommonOptions<ConvertSettings>.Help,
        new('f', "source-format", "FMT", "format of the sources (probed by default)", (s, v) => s.Format = v),
        CommonOptions<ConvertSettings>.ImageOptions,
        new('T', "source-cache", "CACHE", "cache mode of the sources (default: writeback)", (s, v) => s.SourceCache = v),
        new('l', "snapshot", "SNAPSHOT", "copy an internal snapshot", (s, v) => s.Snapshot = SnapshotChoice.Parse(v)),
        new('O', "target-format", "FMT", "format of the target (default: raw)", (s, v) => s.TargetFormat = v),
        new('\0', "target-image-opts", null, "the target's name is options; needs -n", (s, _) => s.TargetImageOptions = true),
        new('o', "target-format-options|options", "NAME=VALUE,...", "options of the target's format ('-o help' lists them)", (s, v) => s.Options = CreateOptionText.Accumulate(s.Options, v)),
        new('t', "target-cache", "CACHE", "cache mode of the target (default: unsafe)", (s, v) => s.TargetCache = v),
        new('b', "backing", "FILENAME", "the target's backing file, whose content is not copied", (s, v) => s.Backing = v),
        new('B', "", "FILENAME", "the same as -b", (s, v) => s.Backing = v),
        new('F', "backing-format", "FMT", "format of the backing file", (s, v) => s.BackingFormat = v),
        new('c', "compress", null, "compress the target", (s, _) => s.IsCompressed = true),
        new('\0', "compression-level", "LEVEL", "how hard to compress", (s, v) => s.SetCompressionLevel(v)),
        new('S', "sparse-size", "SIZE", "zeroes in a row that become a hole (default: 4k; 0: none do)", (s, v) => s.SetSparse(v)),
        new('n', "no-create", null, "write into an existing target", (s, _) => s.SkipsCreate = true),
        new('\0', "target-is-zero", null, "the existing target reads as zeroes; needs -n", (s, _) => s.TargetIsZero = true),
        new('C', "copy-range-offloading", null, "let the host copy where it can", (s, _) => s.UsesCopyOffload = true),
        new('W', "oob-writes", null, "write in any order", (s, _) => s.WritesOutOfOrder = true),
        new('m', "parallel", "COUNT", "requests in flight, 1 to 16 (default: 8)", (s, v) => s.SetParallel(v)),
        new('r', "rate-limit", "RATE", "bytes a second at most", (s, v) => s.RateLimit = SizeArgument.Parse("rate limit", v)),
        new('\0', "salvage", null, "go on after read errors", (s, _) => s.IsSalvage = true),
        new('\0', "bitmaps", null, "copy persistent bitmaps too", (s, _) => s.CopiesBitmaps = true),
        new('\0', "skip-broken-bitmaps", null, "leave out bitmaps that are inconsistent", (s, _) => s.SkipsBrokenBitmaps = true),
        CommonOptions<ConvertSettings>.ForceShare,
        CommonOptions<ConvertSettings>.Progress,
        CommonOptions<ConvertSettings>.Quiet,
        CommonOptions<ConvertSettings>.Object,
    ];

    protected override int Run(ImgContext context, ConvertSettings settings, IReadOnlyList<string> operands)
    {
        if (CreateOptionText.AsksForHelp(settings.Options))
        {
            ConvertRequest.DemandConsistent(settings);
            var format = ConvertRequest.TargetFormatOf(settings) ?? throw new CommandFailure("Option help requires a format be specified");
            context.Out.Write(CreateOptionText.Help(FormatChoice.Demand(format), operands.Count > 1));
            return 0;
        }

        var request = ConvertRequest.From(settings, operands);
        using var progress = ProgressReport.Start(context.Output, settings.ShowsProgress && !settings.Quiet, 1);
        progress.MoveTo(0);
        return Session.RunBulk(context, host => RunAsync(context, host, request, progress));
    }

    /// <summary>Opens the sources, makes and opens the target, and copies. The one entry to conversions.</summary>
    /// <param name="context">Receives messages.</param>
    /// <param name="host">Where files come from.</param>
    /// <param name="request">What to do.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="CommandFailure">Why it failed.</exception>
    public static async ValueTask<int> RunAsync(ImgContext context, FileHost host, ConvertRequest request, ProgressReport progress)
    {
        await using var sources = await ConvertSources.OpenAsync(context, host, request);
        var target = new ConvertTarget(context, host, request, sources);
        using var interruption = new Interruption();
        try
        {
            await target.PrepareAsync();
            interruption.Token.ThrowIfCancellationRequested();
            await using var image = await target.OpenAsync();
            await ConvertCopy.RunAsync(new ConvertWork(context, request, sources, image, target), progress, interruption.Token);
        }
        catch (OperationCanceledException)
        {
            target.RemoveCreated();
            return interruption.ExitCode;
        }

        progress.MoveTo(100);
        return 0;
    }
}
