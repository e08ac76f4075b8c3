using BlockUring.Jobs;
using BlockUring.Jobs.Commit;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Jobs.SafeCommit;

/// <summary>Safe commits by the jobs, of layers in use and not, while users do what comes to their minds.</summary>
internal sealed class SafeCommitWorld : TreeWorld
{
    private readonly JobList jobs;
    private bool hasSucceeded;
    private bool isReady;

    public SafeCommitWorld(int seed, TreeTrouble trouble)
        : base(seed, trouble) => jobs = new JobList(Take);

    protected override async Task<byte[]?> CommitAsync(OverlayProtection protection)
    {
        var job = await StartAsync(protection);
        if (job == null)
            return null;
        byte[]? atEnd = null;
        var users = UseAsync(Random.Next(12));
        var faultsLast = Random.Next(3) == 0;
        for (var round = 0; jobs.All.Count > 0; round++)
        {
            Assert.True(round < 3000, "The job does not end.");
            await Scheduler.DelayAsync(TimeSpan.FromMilliseconds(Random.Next(4)));
            if (round > 200 || (isReady && !faultsLast))
                EndFaults();
            if (jobs.All.Count == 0)
                break;
            if (job.IsUserPaused && (round > 100 || Random.Next(10) == 0))
                job.Resume();
            if (Trouble == TreeTrouble.Cancel && Random.Next(40) == 0 && JobTables.Accepts(job.Status, JobVerb.Cancel) && !job.IsUserPaused)
                await TryCancelAsync(job, Random.Next(2) == 0);
            if (job.IsReady && !job.IsUserPaused && !job.IsCancelRequested && atEnd == null)
                atEnd = await EndAsync(job);
            await TryFinalizeAsync(job);
            if (job.Status == JobStatus.Concluded)
                job.Dismiss();
            // A version 2 image over a longer one cannot grow, however often that is tried.
            if (round == 1000 && JobTables.Accepts(job.Status, JobVerb.Cancel))
                await TryCancelAsync(job, force: true);
        }

        await users;
        return !hasSucceeded ? null : IsActive ? atEnd : Top.Content;
    }

    // One whose transaction is about to end is pending, and not cancelled any more.
    private static async ValueTask TryCancelAsync(Job job, bool force)
    {
        try
        {
            await job.CancelAsync(force);
        }
        catch (BlockException) when (job.Status is JobStatus.Pending)
        {
        }
    }

    private async Task<Job?> StartAsync(OverlayProtection protection)
    {
        using var change = await Graph.BeginChangeAsync();
        var settings = new JobSettings("j") { AutoFinalize = Random.Next(3) > 0, AutoDismiss = Random.Next(3) > 0 };
        var device = Tree.Trunk.Last(i => i.Node != null);
        var request = new CommitRequest(settings, device.Node!, Top.Node!, Below.Node!)
        {
            OnError = (JobErrorPolicy)Random.Next(5),
            Protection = protection,
        };
        try
        {
            Job job = request.IsActive ? await ActiveCommit.CreateAsync(Graph, jobs, request) : await CommitJob.CreateAsync(Graph, jobs, request);
            job.Start();
            return job;
        }
        catch (BlockException e) when (MayFail || e.Kind == BlockErrorKind.Unsupported)
        {
            Assert.Empty(jobs.All);
            return null;
        }
    }

    // Without the guests of the top, so that it is known what it holds at the end.
    private async Task<byte[]?> EndAsync(Job job)
    {
        if (Random.Next(4) == 0)
        {
            await TryFinishAsync(job);
            return null;
        }

        var quiet = UsersOfTop.ToArray();
        foreach (var user in quiet)
            await user.QuiesceAsync();
        try
        {
            EndFaults();
            var content = await ReadTopAsync();
            if (!await TryFinishAsync(job))
                return null;
            for (var wait = 0; jobs.All.Count > 0 && wait < 1000; wait++)
            {
                await TryFinalizeAsync(job);
                if (job.IsUserPaused)
                    job.Resume();
                await Scheduler.DelayAsync(TimeSpan.FromMilliseconds(1));
            }

            return content;
        }
        finally
        {
            foreach (var user in quiet)
                user.Resume();
        }
    }

    // A transaction that is ending already takes no verbs.
    private static async Task TryFinalizeAsync(Job job)
    {
        try
        {
            if (job.Status == JobStatus.Pending)
                await job.FinalizeAsync();
        }
        catch (BlockException) when (job.Settings.AutoFinalize)
        {
        }
    }

    private async Task<bool> TryFinishAsync(Job job)
    {
        if (!job.IsReady || job.IsUserPaused || job.IsCancelRequested)
            return false;
        if (Random.Next(4) == 0)
            await job.CancelAsync(force: false);
        else
            await job.CompleteAsync();
        return true;
    }

    private async Task UseAsync(int count)
    {
        while (count-- > 0 && jobs.All.Count > 0)
        {
            await Scheduler.DelayAsync(TimeSpan.FromMilliseconds(Random.Next(6)));
            if (Random.Next(2) == 0)
            {
                using var change = await Graph.BeginChangeAsync();
                using var section = await Graph.DrainAsync(Graph.Nodes[Random.Next(Graph.Nodes.Count)]);
                await Scheduler.DelayAsync(TimeSpan.FromMilliseconds(Random.Next(3)));
            }
            else if (jobs.All is [{ IsUserPaused: false } job, ..] && JobTables.Accepts(job.Status, JobVerb.Pause))
            {
                job.Pause();
                await Scheduler.DelayAsync(TimeSpan.FromMilliseconds(Random.Next(5)));
                if (job.IsUserPaused)
                    job.Resume();
            }
        }
    }

    private void Take(JobEvent happened)
    {
        isReady |= happened is JobEvent.Ready;
        if (happened is JobEvent.Completed completed)
            hasSucceeded = completed.Error == null;
    }
}
