using BlockUring.Cli.Output;
using BlockUring.Jobs;
using BlockUring.Storage;

namespace BlockUring.Cli.Jobs;

/// <summary>`blockuring null`: reads a whole image, and says how fast.</summary>
/// <param name="Image">The file.</param>
internal sealed record NullCommand(string Image)
{
    /// <summary>The image's format; null for what it looks like.</summary>
    public string? Format { get; init; }

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
        var node = await ImageNodes.OpenAsync(session.Graph, Image, Format, Cache, isReadOnly: true);
        var settings = new JobSettings("null") { Speed = Speed };
        var job = NullJob.Create(session.Graph, session.List, settings, node, JobErrorPolicy.Report);
        return await session.RunJobAsync(job, "read", ShowsProgress);
    }
}
