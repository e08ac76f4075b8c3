namespace BlockUring.Graph;

/// <summary>
/// Where requests come from: a job, an export, a monitor command. Nodes start no requests by themselves, so draining a node is asking the
/// users above it to pause.
/// </summary>
public abstract class NodeUser : ILinkOwner
{
    private readonly List<NodeLink> links = [];

    /// <inheritdoc/>
    public abstract string Description { get; }

    /// <summary>The nodes in use.</summary>
    public IReadOnlyList<NodeLink> Links => links;

    /// <summary>Whether it means this very node, and stays at it when an overlay takes the node's place.</summary>
    public virtual bool StaysAtNode => false;

    /// <summary>Starts no more requests; ends when none is in flight. Nests: <see cref="Resume"/> is called as often.</summary>
    public abstract ValueTask QuiesceAsync();

    /// <summary>Takes one <see cref="QuiesceAsync"/> back, whose task need not have ended.</summary>
    public abstract void Resume();

    internal void Add(NodeLink link) => links.Add(link);

    internal void Remove(NodeLink link) => links.Remove(link);
}
