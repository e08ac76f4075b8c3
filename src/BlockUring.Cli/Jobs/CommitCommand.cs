using BlockUring.Cli.Img;
using BlockUring.Cli.Output;
using BlockUring.Graph;
using BlockUring.Jobs;
using BlockUring.Jobs.Commit;
using BlockUring.Storage;

namespace BlockUring.Cli.Jobs;

/// <summary>`blockuring commit`: makes the chain below an image shorter, by moving layers into one further down.</summary>
/// <param name="Image">The file at the top of the chain; it stays there.</param>
internal sealed record CommitCommand(string Image)
{
    /// <summary>The image's format; null for what it looks like.</summary>
    public string? Format { get; init; }

    /// <summary>The topmost file that goes; null for the image's backing file.</summary>
    public string? Top { get; init; }

    /// <summary>The file that takes the data; null for the last of the chain.</summary>
    public string? Base { get; init; }

    /// <summary>What the overlay is to call the base; null for its name.</summary>
    public string? BackingFile { get; init; }

    /// <summary>The most bytes a second; 0 for no limit.</summary>
    public long Speed { get; init; }

    /// <summary>How files are opened.</summary>
    public required CacheMode Cache { get; init; }

    /// <summary>The overlays of the base that are kept as they are, besides the image; null when none are.</summary>
    public OverlayProtection? Protection { get; init; }

    /// <summary>Whether only to say what would be written.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>Whether to say that as JSON.</summary>
    public bool IsJson { get; init; }

    /// <summary>Whether to show progress where there is no terminal, too.</summary>
    public bool ShowsProgress { get; init; }

    /// <summary>Runs it.</summary>
    /// <returns>The exit code.</returns>
    public int Run(CommandOutput output) => JobSession.Run(output, session => RunAsync(session, output));

    private async ValueTask<int> RunAsync(JobSession session, CommandOutput output)
    {
        var image = await ImageNodes.OpenAsync(session.Graph, Image, Format, Cache, isReadOnly: true);
        var top = Top == null ? image.BackingLink?.Node : Find(session.Host, image, Top);
        if (top == null)
            throw new CommandFailure("Image does not have a backing file");
        if (top == image)
            throw new CommandFailure($"'{Image}' is at the top of the chain: 'img commit' moves its data into a backing file");
        var bottom = Base == null ? NodeChain.Bottom(top) : Find(session.Host, top, Base);
        if (bottom == top)
            throw new CommandFailure("cannot commit an image into itself");
        var request = new CommitRequest(new JobSettings("commit") { Speed = Speed }, image, top, bottom)
        {
            BackingFile = BackingFile,
            Protection = Protection,
        };
        CommitJob job;
        using (await session.Graph.BeginChangeAsync())
        {
            if (IsDryRun)
            {
                await SafeCommitOptions.ShowPlanAsync(output, session.Graph, request, IsJson);
                return 0;
            }

            job = await CommitJob.CreateAsync(session.Graph, session.List, request);
        }

        return await session.RunJobAsync(job, "committed", ShowsProgress);
    }

    private static BlockNode Find(FileHost host, BlockNode from, string path) =>
        NodeChain.From(from).FirstOrDefault(n => !n.IsFilter && host.AreSame(n.FileName, path))
            ?? BackingFileSearch.Find(host, from, path)
            ?? throw new CommandFailure($"'{path}' is not in the backing chain of '{from.FileName}'");
}
