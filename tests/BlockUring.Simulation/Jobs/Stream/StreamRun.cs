using BlockUring.Jobs;
using BlockUring.Jobs.Stream;
using Xunit;

namespace BlockUring.Simulation.Jobs.Stream;

/// <summary>One stream: what was asked for, and what was told of it.</summary>
internal sealed class StreamRun(StreamRequest request, StreamLayer top, StreamLayer? below)
{
    private long lastOffset;

    public StreamJob? Job { get; set; }

    public string Id => request.Settings.Id;

    public StreamRequest Request => request;

    public bool HasConcluded { get; private set; }

    /// <summary>A change of its status, and so on.</summary>
    public void Take(JobEvent happened)
    {
        switch (happened)
        {
            case JobEvent.Completed completed:
                Assert.True(completed.Offset <= completed.Length);
                if (completed.Error != null)
                    break;
                Assert.Equal(completed.Length, completed.Offset);
                top.Backing = below;
                break;
            case JobEvent.IoError error:
                Assert.True(request.OnError != JobErrorPolicy.Ignore || error.Action == JobErrorAction.Ignore);
                Assert.True(request.OnError != JobErrorPolicy.Report || error.Action == JobErrorAction.Report);
                break;
            case JobEvent.StatusChange { Status: JobStatus.Null }:
                HasConcluded = true;
                break;
        }

        if (Job == null)
            return;
        Assert.True(Job.Progress.Current >= lastOffset);
        lastOffset = Job.Progress.Current;
    }

    public override string ToString() => $"{Id}: {top.Name} down to {below?.Name ?? "the end"}, {request.OnError}, speed {request.Settings.Speed}";
}
