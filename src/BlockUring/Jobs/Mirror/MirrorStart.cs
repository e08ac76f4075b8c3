using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Jobs.Commit;
using BlockUring.Storage;

namespace BlockUring.Jobs.Mirror;

/// <summary>Puts a mirror's filter in and makes its job known.</summary>
internal static class MirrorStart
{
    /// <summary>Makes a job that is known and not started; all or nothing.</summary>
    public static async ValueTask<MirrorJob> RunAsync(BlockGraph graph, JobList jobs, MirrorRequest request)
    {
        // Why one section around all: a write that ends in between would be entered in the bitmap, but not in what was taken from it.
        using var section = await graph.DrainAsync(request.Source);
        if (!request.IsCommit && request.Target.Length < request.Source.Length && HaveSameSectors(request))
            await NodeResize.RunAsync(graph, request.Target, request.Source.Length);
        var filter = await InsertFilterAsync(graph, request);
        var job = new MirrorJob(graph, request, filter);
        var isKnown = false;
        try
        {
            jobs.Add(job);
            isKnown = true;
            job.UseNodes();
            if (request.IsCommit && request.Target.Length < request.Source.Length)
                await NodeResize.ResizeAsync(request.Target, request.Source.Length);
            return job;
        }
        catch
        {
            if (isKnown)
                job.Discard();
            await job.ReleaseAsync();
            throw;
        }
    }

    /// <summary>As <see cref="RunAsync"/>, for a target in the source's own chain.</summary>
    public static async ValueTask<MirrorJob> CommitAsync(BlockGraph graph, JobList jobs, MirrorRequest request)
    {
        var wasReadOnly = request.Target.Settings.ReadOnly;
        await GraphReopener.SetReadOnlyAsync(graph, request.Target, readOnly: false);
        OverlayHold? hold = null;
        try
        {
            if (request.Protection is { } wanted)
            {
                var by = JobNodes.DescriptionOf(JobType.Commit, request.Settings.Id);
                hold = await OverlayHold.TakeAsync(graph, request.Target, request.Source, wanted, by, JobNodes.ReasonOf(JobType.Commit));
                request = request with { Hold = hold, BeforeTargetWrite = hold.Guard.ProtectAsync };
            }

            return await RunAsync(graph, jobs, request with { WasReadOnly = wasReadOnly });
        }
        catch
        {
            if (hold != null)
                await hold.GiveBackAsync();
            if (wasReadOnly)
                await MakeReadOnlyAsync(graph, request.Target);
            throw;
        }
    }

    /// <summary>Makes the target of a commit what it was before.</summary>
    public static async ValueTask MakeReadOnlyAsync(BlockGraph graph, BlockNode target)
    {
        try
        {
            await GraphReopener.SetReadOnlyAsync(graph, target, readOnly: true);
        }
        catch (BlockException e)
        {
            graph.Warn($"Node '{target.Name}' stays writable: {e.Message}");
        }
    }

    /// <summary>Demands that both disks have the same number of sectors; a commit has seen to that.</summary>
    /// <exception cref="BlockException">They do not.</exception>
    public static void DemandSizes(MirrorRequest request)
    {
        if (!request.IsCommit)
            SnapshotCopies.DemandSameLength(request.Source, request.Target);
    }

    private static bool HaveSameSectors(MirrorRequest request) => (request.Source.Length + 511) >> 9 == (request.Target.Length + 511) >> 9;

    private static async ValueTask<MirrorTopNode> InsertFilterAsync(BlockGraph graph, MirrorRequest request)
    {
        if (request.FilterName is { } name)
            GraphOpener.DemandName(graph, name);
        var filter = MirrorFilter.Make(graph, request);
        await GraphEditor.InsertAsync(graph, filter, request.Source);
        return filter;
    }
}
