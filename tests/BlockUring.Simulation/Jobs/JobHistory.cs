using BlockUring.Jobs;
using Xunit;

namespace BlockUring.Simulation.Jobs;

/// <summary>What one job told, judged as it is told.</summary>
internal sealed class JobHistory(Job job, SimulatedGuestDisk disk, JobErrorPolicy policy)
{
    private JobStatus status = JobStatus.Undefined;
    private JobEvent? last;
    private bool hasReadyBeenTold;
    private bool hasTerminal;
    private bool isStarted;

    public Job Job => job;

    public SimulatedGuestDisk Disk => disk;

    public string? Error { get; private set; }

    public bool IsOver => status == JobStatus.Null;

    /// <summary>Whether the job ended with its result.</summary>
    public bool HasSucceeded { get; private set; }

    public void Take(JobEvent happened)
    {
        if (status is JobStatus.Pending && last is JobEvent.StatusChange)
            Assert.Equal(!job.Settings.AutoFinalize, happened is JobEvent.Pending);
        if (status is JobStatus.Ready && last is JobEvent.StatusChange && !hasReadyBeenTold)
        {
            Assert.IsType<JobEvent.Ready>(happened);
            hasReadyBeenTold = true;
        }

        switch (happened)
        {
            case JobEvent.StatusChange change:
                TakeStatus(change.Status);
                break;
            case JobEvent.Pending:
                Assert.Equal(JobStatus.Pending, status);
                break;
            case JobEvent.Ready:
                Assert.Equal(JobStatus.Ready, status);
                break;
            case JobEvent.IoError error:
                Assert.True(policy != JobErrorPolicy.Ignore || error.Action == JobErrorAction.Ignore);
                Assert.True(policy != JobErrorPolicy.Report || error.Action == JobErrorAction.Report);
                Assert.False(job.IsForceCancelled);
                break;
            case JobEvent.Completed completed:
                TakeTerminal();
                Error = completed.Error;
                HasSucceeded = Error == null;
                Assert.Equal(HasSucceeded ? JobStatus.Pending : JobStatus.Aborting, status);
                if (HasSucceeded)
                    Assert.Equal(completed.Length, completed.Offset);
                break;
            case JobEvent.Cancelled:
                TakeTerminal();
                Assert.Equal(JobStatus.Aborting, status);
                break;
        }

        last = happened;
    }

    private void TakeTerminal()
    {
        Assert.False(hasTerminal);
        hasTerminal = true;
    }

    private void TakeStatus(JobStatus next)
    {
        Assert.True(JobTables.MayFollow(status, next), $"{job.Id}: {status} to {next}");
        status = next;
        isStarted |= next == JobStatus.Running;
        if (next is JobStatus.Paused or JobStatus.Standby or JobStatus.Waiting or JobStatus.Aborting or JobStatus.Concluded)
            Assert.Equal(0, disk.PendingCount);
        if (next is JobStatus.Waiting || (next is JobStatus.Aborting && isStarted && last is JobEvent.StatusChange { Status: JobStatus.Running }))
            Assert.Equal(0, job.PauseCount);
        if (next is JobStatus.Concluded)
            Assert.Equal(isStarted, hasTerminal);
        if (next is JobStatus.Null && job.Settings.AutoDismiss && isStarted)
            Assert.Equal(JobStatus.Concluded, ((JobEvent.StatusChange)last!).Status);
    }
}
