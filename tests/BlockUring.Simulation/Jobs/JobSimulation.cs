using BlockUring.Jobs;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Storage;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>Several jobs on disks that reorder and fail, and users that do whatever comes to their minds.</summary>
public sealed class JobSimulation(ITestOutputHelper output)
{
    [Fact]
    public void Every_job_ends_by_the_table_and_transactions_end_as_one() => SeededRuns.Of(output, 1, 500, seed =>
    {
        using var world = new World(seed);
        world.Run();
    });

    private sealed class World : IDisposable
    {
        private readonly Random random;
        private readonly BufferPool buffers = new(128 << 20, 1 << 20);
        private readonly SimulatedScheduler scheduler;
        private readonly JobList jobs;
        private readonly Dictionary<string, JobHistory> histories = [];
        private readonly Dictionary<Job, JobTransaction> transactions = [];
        private double faultShare;

        public World(int seed)
        {
            random = new Random(seed);
            scheduler = new SimulatedScheduler(seed, buffers) { EarlyDelayShare = random.Next(3) * 0.05 };
            jobs = new JobList(e => Assert.Contains(e.JobId, histories as IDictionary<string, JobHistory>).Take(e));
            faultShare = random.Next(3) * 0.02;
        }

        public void Dispose() => buffers.Dispose();

        public void Run() => scheduler.Run(async () =>
        {
            AddJobs();
            var users = new Task[random.Next(1, 4)];
            for (var i = 0; i < users.Length; i++)
                users[i] = UseAsync(random.Next(40));
            foreach (var user in users)
                await user;
            faultShare = 0;
            if (random.Next(2) == 0)
                await jobs.CancelAllAsync();
            else
                await BringAllToTheirEndsAsync();
            Assert.Empty(jobs.All);
            Assert.All(histories.Values, h => Assert.True(h.IsOver));
            Assert.Equal(0, buffers.RentedBytes);
            foreach (var group in histories.Values.GroupBy(h => transactions[h.Job]))
                Assert.Single(group.Select(h => h.HasSucceeded).Distinct());
        });

        private void AddJobs()
        {
            var transaction = new JobTransaction();
            for (var count = random.Next(1, 6); count > 0; count--)
            {
                if (random.Next(2) == 0)
                    transaction = new JobTransaction();
                var settings = new JobSettings($"j{count}")
                {
                    AutoFinalize = random.Next(3) > 0,
                    AutoDismiss = random.Next(3) > 0,
                    Speed = random.Next(3) == 0 ? random.Next(1 << 20, 64 << 20) : 0,
                };
                var disk = new SimulatedGuestDisk(scheduler, random.Next(0, 40 << 20)) { Fault = _ => Fault() };
                var policy = (JobErrorPolicy)random.Next(5);
                var isMirror = disk.Length > 16384 && random.Next(2) == 0;
                BlockJob job = isMirror ? new FollowingJob(scheduler, settings, disk, policy) : new NullJob(scheduler, settings, disk, policy);
                histories.Add(job.Id, new JobHistory(job, disk, policy));
                transactions.Add(job, transaction);
                jobs.Add(job, transaction);
            }

            foreach (var job in jobs.All.ToArray())
            {
                if (random.Next(10) > 0)
                    job.Start();
            }
        }

        private int Fault() => random.NextDouble() >= faultShare ? 0 : random.Next(2) == 0 ? Errno.EIO : Errno.ENOSPC;

        private async Task UseAsync(int count)
        {
            while (count-- > 0 && jobs.All.Count > 0)
            {
                await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(3) == 0 ? random.Next(300) : 0));
                if (jobs.All.Count == 0)
                    return;
                var history = histories[jobs.All[random.Next(jobs.All.Count)].Id];
                if (random.Next(4) == 0)
                    await DrainAsync(history);
                else
                    await TryAsync((BlockJob)history.Job, random.Next(9));
            }
        }

        private async Task TryAsync(BlockJob job, int verb)
        {
            var before = job.Status;
            try
            {
                await DoAsync(job, verb);
            }
            catch (BlockException e)
            {
                string[] words =
                [
                    $"Job '{job.Id}' in state '{before.Name()}' cannot accept command verb '", "Job is already paused",
                    "Can't resume a job that was not paused", $"The block job for device '{job.Id}' is currently paused",
                    $"The active block job '{job.Id}' cannot be completed", "Parameter 'speed' expects a non-negative value",
                ];
                Assert.Contains(words, w => e.Message.StartsWith(w, StringComparison.Ordinal));
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
                    job.SetSpeed(random.Next(-1, 3) * (8L << 20));
                    break;
                case 4:
                    return random.Next(3) == 0 ? job.CancelAsync(random.Next(2) == 0) : ValueTask.CompletedTask;
                case 5:
                    return job.CompleteAsync();
                case 6:
                    return job.FinalizeAsync();
                case 7:
                    job.Dismiss();
                    break;
                default:
                    if (job.Status == JobStatus.Created)
                        job.Start();
                    break;
            }

            return ValueTask.CompletedTask;
        }

        private async Task DrainAsync(JobHistory history)
        {
            await history.Job.BeginDrainAsync();
            var (status, current) = (history.Job.Status, history.Job.Progress.Current);
            for (var wait = random.Next(4); wait >= 0; wait--)
            {
                Assert.Equal((0, current), (history.Disk.PendingCount, history.Job.Progress.Current));
                if (status is JobStatus.Paused or JobStatus.Standby)
                    Assert.Equal(status, history.Job.Status);
                await scheduler.DelayAsync(TimeSpan.FromMilliseconds(random.Next(2) * 50));
            }

            history.Job.EndDrain();
        }

        private async Task BringAllToTheirEndsAsync()
        {
            for (var round = 0; jobs.All.Count > 0; round++)
            {
                Assert.True(round < 1000, "The jobs do not end.");
                foreach (BlockJob job in jobs.All.ToArray().Cast<BlockJob>())
                {
                    if (job.Status == JobStatus.Created)
                        job.Start();
                    if (job.Speed != 0 && JobTables.Accepts(job.Status, JobVerb.SetSpeed))
                        job.SetSpeed(0);
                    if (job.IsUserPaused)
                        job.Resume();
                    if (job.Status == JobStatus.Ready && !job.IsCancelRequested)
                        await job.CompleteAsync();
                    if (job.Status == JobStatus.Pending)
                        await TryAsync(job, 6);
                    if (job.Status == JobStatus.Concluded)
                        job.Dismiss();
                }

                await scheduler.DelayAsync(TimeSpan.FromMilliseconds(200));
            }
        }
    }
}
