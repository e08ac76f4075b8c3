using BlockUring.Graph;
using BlockUring.Storage;

namespace BlockUring.Jobs;

/// <summary>The nodes that a job uses: draining one of them holds the job, and what would break it is refused there meanwhile.</summary>
public sealed class JobNodes : NodeUser
{
    /// <summary>
    /// What would break a job that moves data between the layers of a chain, at any of them: it would read what makes no sense for the moment, or
    /// change what the job reads and writes, or what it is about to change.
    /// </summary>
    internal const NodeOperation BlockedInChain = NodeOperation.Stream | NodeOperation.CommitSource | NodeOperation.CommitTarget
        | NodeOperation.MirrorTarget | NodeOperation.BackupTarget | NodeOperation.Resize | NodeOperation.Replace | NodeOperation.Amend
        | NodeOperation.Delete | NodeOperation.ExternalSnapshot | NodeOperation.InternalSnapshot;

    private readonly BlockGraph graph;
    private readonly Job job;
    private readonly List<(BlockNode Node, OperationBlocker Blocker)> blockers = [];

    internal JobNodes(BlockGraph graph, Job job)
    {
        this.graph = graph;
        this.job = job;
        if (job is BlockJob user)
            user.Nodes = this;
    }

    /// <inheritdoc/>
    public override string Description => DescriptionOf(job.Type, job.Id);

    /// <summary>The job.</summary>
    public Job Job => job;

    /// <inheritdoc/>
    public override bool StaysAtNode => true;

    /// <inheritdoc/>
    public override ValueTask QuiesceAsync() => job.BeginDrainAsync();

    /// <inheritdoc/>
    public override void Resume() => job.EndDrain();

    /// <summary>How messages name a job.</summary>
    internal static string DescriptionOf(JobType type, string id) => $"{type.Name()} job '{id}'";

    /// <summary>Why what a job needs is refused to others.</summary>
    internal static string ReasonOf(JobType type) => $"block device is in use by block job: {type.Name()}";

    /// <summary>Uses a node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="name">What it is to the job: "main node", "target".</param>
    /// <param name="needed">What the job does with it.</param>
    /// <param name="shared">What it tolerates.</param>
    /// <param name="blocked">The operations that would break the job.</param>
    /// <exception cref="BlockException">A conflict of permissions; nothing has changed.</exception>
    internal NodeLink Use(BlockNode node, string name, ImagePermissions needed, ImagePermissions shared, NodeOperation blocked)
    {
        var link = graph.Attach(this, node, name, needed, shared);
        var blocker = new OperationBlocker(blocked, Description, ReasonOf(job.Type));
        node.Blockers.Add(blocker);
        blockers.Add((node, blocker));
        return link;
    }

    /// <summary>Whether requests to the nodes may wait for a peer that never answers.</summary>
    internal bool DependOnPeer => Links.Any(l => l.Node.DependsOnPeer);

    /// <summary>Nobody waits any more for what the job has asked for.</summary>
    internal void CancelInFlight()
    {
        foreach (var link in Links)
            link.Node.CancelInFlight();
    }

    /// <summary>Uses nothing any more.</summary>
    internal void Release()
    {
        foreach (var (node, blocker) in blockers)
            node.Blockers.Remove(blocker);
        blockers.Clear();
        foreach (var link in Links.ToArray())
            graph.Detach(link);
    }
}
