using BlockUring.Graph;

namespace BlockUring.Jobs;

/// <summary>A job as a user of nodes: what drains them pauses it.</summary>
/// <param name="job">Whose requests go to the nodes.</param>
public sealed class JobUser(Job job) : NodeUser
{
    /// <inheritdoc/>
    public override string Description => $"{job.Type.Name()} job '{job.Id}'";

    /// <inheritdoc/>
    public override ValueTask QuiesceAsync() => job.BeginDrainAsync();

    /// <inheritdoc/>
    public override void Resume() => job.EndDrain();
}
