using BlockUring.Cli.Output;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Jobs.Commit;
using BlockUring.Storage;

namespace BlockUring.Cli.Img;

/// <summary>`img commit`: moves what an image holds into its backing file, or one further down.</summary>
internal sealed class CommitCommand : ConfiguredCommand<CommitSettings>
{
    public override string Name => "commit";

    public override string Summary => "Commit the changes of an image into a backing file";

    protected override string OperandHelp => "FILENAME";

    protected override IReadOnlyList<ImgOption<CommitSettings>> Options { get; } =
    [
        CommonOptions<CommitSettings>.Help,
        CommonOptions<CommitSettings>.Format,
        CommonOptions<CommitSettings>.ImageOptions,
        new('t', "cache", "CACHE", "cache mode (default: writeback)", (s, v) => s.Cache = v),
        new('b', "base", "BASE", "the backing file to commit into (default: the one next below); implies -d", (s, v) => s.SetBase(v)),
        new('d', "drop", null, "do not empty the image afterwards", (s, _) => s.KeepsContent = true),
        new('r', "rate-limit", "RATE", "bytes a second at most", (s, v) => s.RateLimit = SizeArgument.Parse("rate limit", v)),
        new('\0', "safe", null, SafeCommitOptions.SafeHelp, (s, _) => s.IsSafe = true),
        new('\0', "protect", "FILE", SafeCommitOptions.ProtectHelp, (s, v) => s.Protected.Add(v)),
        new('\0', "protect-directory", "DIR", SafeCommitOptions.DirectoryHelp, (s, v) => s.ProtectedDirectories.Add(v)),
        new('\0', "dry-run", null, SafeCommitOptions.DryRunHelp, (s, _) => s.IsDryRun = true),
        CommonOptions<CommitSettings>.Output,
        CommonOptions<CommitSettings>.Progress,
        CommonOptions<CommitSettings>.Quiet,
        CommonOptions<CommitSettings>.Object,
    ];

    protected override int Run(ImgContext context, CommitSettings settings, IReadOnlyList<string> operands)
    {
        if (operands.Count != 1)
            throw CommandFailure.Usage("Expecting one image file name");
        var cache = ImageOpener.ParseCache(settings.Cache, "cache option");
        _ = (settings.Protection, settings.IsJson);
        Session.RunOnNodes(context, context.Gate, graph => CommitAsync(context, graph, settings, operands[0], cache));
        if (!settings.Quiet && !settings.IsDryRun)
            context.Out.Write("Image committed.\n");
        return 0;
    }

    private static async ValueTask<bool> CommitAsync(ImgContext context, BlockGraph graph, CommitSettings settings, string name, CacheMode cache)
    {
        using var change = await graph.BeginChangeAsync();
        graph.FindObject = (type, id) => type == "secret" ? context.Secrets(id) : null;
        var top = await OpenAsync(graph, settings, name, cache);
        if (top.DriverName == "raw" && settings is { Format: null, ImageOptions: false })
            context.Warn(BackingChain.GuessWarning(name));
        var request = new CommitRequest(new JobSettings("commit") { Speed = settings.RateLimit }, top, top, FindBase(graph, settings, name, top))
        {
            Protection = settings.Protection,
        };
        if (settings.IsDryRun)
        {
            await SafeCommitOptions.ShowPlanAsync(context.Output, graph, request, settings.IsJson);
            return true;
        }

        using var progress = ProgressReport.Start(context.Output, settings.ShowsProgress && !settings.Quiet, 1);
        progress.TotalBytes = top.Length;
        progress.MoveTo(0);
        var done = 0L;
        try
        {
            await OfflineCommit.RunAsync(graph, request, !settings.KeepsContent, Show);
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because("Block job failed: ", new BlockException(e.Kind, ErrorText.OfCause(e)));
        }

        progress.MoveTo(100);
        return true;

        void Show(long bytes)
        {
            done += bytes;
            if (done < top.Length)
                progress.MoveTo(100f * done / top.Length);
        }
    }

    private static async ValueTask<BlockNode> OpenAsync(BlockGraph graph, CommitSettings settings, string name, CacheMode cache)
    {
        if (settings.ImageOptions && settings.Format != null)
            throw new CommandFailure("--image-opts and --format are mutually exclusive");
        var nodeSettings = new NodeSettings { ReadOnly = settings.IsDryRun, Direct = cache.Direct, NoFlush = cache.NoFlush, Unmap = true };
        try
        {
            return await GraphOpener.OpenAsync(graph, OptionsFor(graph.Host, settings, name), nodeSettings);
        }
        catch (BlockException e)
        {
            throw CommandFailure.Because($"Could not open '{name}': ", e);
        }
    }

    private static OptionTree OptionsFor(FileHost host, CommitSettings settings, string name)
    {
        if (settings.ImageOptions)
            return ImageOpener.ParseOptions(name);
        OptionTree options;
        if (name.StartsWith("json:", StringComparison.Ordinal))
        {
            options = OptionTree.ParseJson(name[5..]);
        }
        else
        {
            options = FileSource.NodeOptionsOf(host, ImageOpener.DemandExistingFile(name));
        }

        if (settings.Format != null)
            options.Set("driver", settings.Format);
        return options;
    }

    private static BlockNode FindBase(BlockGraph graph, CommitSettings settings, string name, BlockNode top)
    {
        if (settings.Base is { } wanted)
        {
            return BackingFileSearch.Find(graph.Host, top, wanted)
                ?? throw new CommandFailure($"Did not find '{wanted}' in the backing chain of '{name}'");
        }

        return top.BackingLink is { } link ? NodeChain.SkipFilters(link.Node) : throw new CommandFailure("Image does not have a backing file");
    }
}
