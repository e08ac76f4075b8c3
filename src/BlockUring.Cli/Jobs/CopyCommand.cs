using BlockUring.Cli.Img;
using BlockUring.Cli.Output;
using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Jobs;
using BlockUring.Jobs.Backup;
using BlockUring.Storage;

namespace BlockUring.Cli.Jobs;

/// <summary>A job that copies a disk to another image, which is made unless it is there.</summary>
/// <param name="Source">The file to copy.</param>
/// <param name="Target">The file to write.</param>
internal abstract record CopyCommand(string Source, string Target)
{
    /// <summary>The source's format; null for what it looks like.</summary>
    public string? SourceFormat { get; init; }

    /// <summary>The target's format; null for the source's.</summary>
    public string? TargetFormat { get; init; }

    /// <summary>What is copied.</summary>
    public BackupSync Sync { get; init; }

    /// <summary>The most bytes a second; 0 for no limit.</summary>
    public long Speed { get; init; }

    /// <summary>How files are opened.</summary>
    public required CacheMode Cache { get; init; }

    /// <summary>Whether to show progress where there is no terminal, too.</summary>
    public bool ShowsProgress { get; init; }

    /// <summary>Runs it.</summary>
    /// <returns>The exit code.</returns>
    public int Run(CommandOutput output) => JobSession.Run(output, RunAsync);

    /// <summary>Throws unless the target's format can hold what is wanted.</summary>
    /// <exception cref="CommandFailure">It cannot.</exception>
    protected virtual void DemandFormat(ImageDriver driver)
    {
    }

    /// <summary>Makes the job, which is not started.</summary>
    /// <param name="session">The caller holds its graph's change.</param>
    /// <param name="source">Open.</param>
    /// <param name="target">Open.</param>
    /// <param name="isNew">Whether the target was made for this.</param>
    protected abstract ValueTask<BlockJob> CreateJobAsync(JobSession session, BlockNode source, BlockNode target, bool isNew);

    private async ValueTask<int> RunAsync(JobSession session)
    {
        if (session.Host.Exists(Target) && session.Host.AreSame(Source, Target))
            throw new CommandFailure($"'{Target}' cannot be the target: it is the source");
        var source = await ImageNodes.OpenAsync(session.Graph, Source, SourceFormat, Cache, isReadOnly: true);
        var driver = FormatChoice.Demand(TargetFormat ?? source.DriverName);
        DemandFormat(driver);
        var isNew = !session.Host.Exists(Target);
        if (isNew)
            await NewFile.CreateAsync(session.Host, driver, RequestFor(source, driver));
        var exitCode = 1;
        try
        {
            var target = await ImageNodes.OpenAsync(session.Graph, Target, driver.Name, Cache, isReadOnly: false);
            exitCode = await CopyAsync(session, source, target, isNew);
            return exitCode;
        }
        finally
        {
            // What is in it must not be taken for the whole.
            if (isNew && exitCode != 0)
            {
                await session.CloseAsync();
                NewFile.Remove(Target);
            }
        }
    }

    private async ValueTask<int> CopyAsync(JobSession session, BlockNode source, BlockNode target, bool isNew)
    {
        BlockJob job;
        using (await session.Graph.BeginChangeAsync())
            job = await CreateJobAsync(session, source, target, isNew);
        return await session.RunJobAsync(job, "copied", ShowsProgress);
    }

    // What the top layer alone leaves out is read from where the source reads it.
    private CreateRequest RequestFor(BlockNode source, ImageDriver driver)
    {
        Dictionary<string, string> options = new(StringComparer.Ordinal);
        if (Sync == BackupSync.Top && source.BackingLink?.Node is { } backing)
        {
            if (!driver.CreateOptions.Any(o => o.Name == "backing_file"))
                throw new CommandFailure($"Backing file not supported for file format '{driver.Name}'");
            options.Add("backing_file", BackingName.NameFrom(Path.GetFullPath(Target), backing.FileName));
            options.Add("backing_fmt", backing.DriverName);
        }

        return new CreateRequest(Target, source.Length, options);
    }
}
