using BlockUring.Graph;
using BlockUring.Jobs;
using BlockUring.Jobs.Mirror;
using BlockUring.Simulation.Storage;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Jobs.Backup;

/// <summary>Users that give jobs any verbs, and graph changes that drain.</summary>
internal sealed class BackupUsers(SimulatedScheduler scheduler, BlockGraph graph, JobList jobs, Random random, SimulatedDisk[] disks)
{
    public async Task RunAsync(int count)
    {
        while (count-- > 0 && jobs.All.Count > 0)
        {
            await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(3) == 0 ? random.Next(100) : random.Next(3)));
            if (jobs.All.Count == 0)
                return;
            if (random.Next(4) == 0)
                await ChangeAsync();
            else
                await TryAsync((BlockJob)jobs.All[random.Next(jobs.All.Count)], random.Next(9));
        }
    }

    public async Task BringAllToTheirEndsAsync()
    {
        for (var round = 0; jobs.All.Count > 0; round++)
        {
            Assert.True(round < 1000, "The jobs do not end.");
            foreach (BlockJob job in jobs.All.ToArray().Cast<BlockJob>())
            {
                if (job.Speed != 0 && JobTables.Accepts(job.Status, JobVerb.SetSpeed))
                    job.SetSpeed(0);
                if (job.IsUserPaused)
                    job.Resume();
                if (job.Status == JobStatus.Pending)
                    await TryAsync(job, 6);
                else if (job.IsReady && !job.IsCancelRequested)
                    await TryAsync(job, random.Next(3) == 0 ? 9 : 5);
                else if (round > 5 && job.Progress.Remaining > 0 && JobTables.Accepts(job.Status, JobVerb.Cancel))
                    await job.CancelAsync(force: true);
                if (job.Status == JobStatus.Concluded)
                    job.Dismiss();
                if (round > 10)
                    await TryAsync(job, 10);
            }

            await scheduler.DelayAsync(TimeSpan.FromMilliseconds(200));
        }
    }

    private async Task ChangeAsync()
    {
        using var change = await graph.BeginChangeAsync();
        await DrainAsync(random.Next(3));
    }

    private async Task DrainAsync(int nested)
    {
        using var section = await graph.DrainAsync([.. graph.Nodes]);
        var requests = disks.Sum(d => d.RequestCount);
        var progress = jobs.All.Select(j => (Job: j, j.Progress.Current)).ToArray();
        if (nested > 0)
            await DrainAsync(nested - 1);
        for (var wait = random.Next(3); wait >= 0; wait--)
        {
            await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(2) * 50));
            Assert.Equal(requests, disks.Sum(d => d.RequestCount));
            Assert.All(progress, p => Assert.Equal(p.Current, p.Job.Progress.Current));
        }
    }

    private async Task TryAsync(BlockJob job, int verb)
    {
        var before = job.Status;
        try
        {
            await DoAsync(job, verb);
        }
        catch (BlockException)
        {
            Assert.Equal(before, job.Status);
        }
    }

    private ValueTask DoAsync(BlockJob job, int verb)
    {
        switch (verb)
        {
            case 0:
                job.Pause();
                break;
            case 1 or 2:
                job.Resume();
                break;
            case 3:
                job.SetSpeed(random.Next(0, 3) * (8L << 20));
                break;
            case 4:
                return random.Next(4) == 0 ? job.CancelAsync(random.Next(2) == 0) : ValueTask.CompletedTask;
            case 5:
                return job.CompleteAsync();
            case 6:
                return job.FinalizeAsync();
            case 7:
                job.Dismiss();
                break;
            case 8:
                (job as MirrorJob)?.Change((MirrorCopyMode)random.Next(3));
                break;
            case 9:
                return job.CancelAsync(force: false);
            case 10:
                return job.CancelAsync(force: true);
        }

        return ValueTask.CompletedTask;
    }
}
