using BlockUring.Cli.Img;
using BlockUring.Cli.Output;
using BlockUring.Graph;
using BlockUring.Jobs;
using BlockUring.Jobs.Stream;
using BlockUring.Storage;

namespace BlockUring.Cli.Jobs;

/// <summary>`blockuring stream`: fills an image with what its backing files hold, so that it no longer needs them.</summary>
/// <param name="Image">The file.</param>
internal sealed record StreamCommand(string Image)
{
    /// <summary>The image's format; null for what it looks like.</summary>
    public string? Format { get; init; }

    /// <summary>The backing file that stays; null for none.</summary>
    public string? Base { get; init; }

    /// <summary>What the image is to call the base; null for its name.</summary>
    public string? BackingFile { get; init; }

    /// <summary>The most bytes a second; 0 for no limit.</summary>
    public long Speed { get; init; }

    /// <summary>How files are opened.</summary>
    public required CacheMode Cache { get; init; }

    /// <summary>Whether to show progress where there is no terminal, too.</summary>
    public bool ShowsProgress { get; init; }

    /// <summary>Runs it.</summary>
    /// <returns>The exit code.</returns>
    public int Run(CommandOutput output) => JobSession.Run(output, RunAsync);

    private async ValueTask<int> RunAsync(JobSession session)
    {
        var top = await ImageNodes.OpenAsync(session.Graph, Image, Format, Cache, isReadOnly: false);
        var request = new StreamRequest(new JobSettings("stream") { Speed = Speed }, top)
        {
            Base = Base == null ? null : FindBase(session.Host, top, Base),
            BackingFile = BackingFile,
        };
        StreamJob job;
        using (await session.Graph.BeginChangeAsync())
            job = await StreamJob.CreateAsync(session.Graph, session.List, request);
        return await session.RunJobAsync(job, "streamed", ShowsProgress);
    }

    // Why both: from where the command is run, as it names the image; or as headers name it.
    private static BlockNode FindBase(FileHost host, BlockNode top, string path) =>
        BackingFileSearch.Find(host, top, host.Exists(path) ? Path.GetFullPath(path) : path)
            ?? throw new CommandFailure($"'{path}' is not in the backing chain of '{top.FileName}'");
}
