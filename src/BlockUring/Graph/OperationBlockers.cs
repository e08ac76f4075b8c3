using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>The operations that are refused at one node. Whoever blocks names what would really break, and nothing else.</summary>
public sealed class OperationBlockers
{
    // Why these: an overlay shows the node as it is, and would show something else, or would itself get the overlay below it.
    private const NodeOperation BlockedByOverlay = NodeOperation.Resize | NodeOperation.ExternalSnapshot | NodeOperation.InternalSnapshot
        | NodeOperation.Delete | NodeOperation.MirrorTarget;

    private readonly BlockNode node;
    private readonly List<OperationBlocker> list = [];

    internal OperationBlockers(BlockNode node) => this.node = node;

    /// <summary>All: those that were asked for, in the order of their coming, then those of overlays.</summary>
    public IEnumerable<OperationBlocker> All => list.Concat(node.Parents.Where(l => l.Role == LinkRole.Backing).Select(ByOverlay));

    /// <summary>Blocks until <see cref="Remove"/>.</summary>
    public void Add(OperationBlocker blocker) => list.Add(blocker);

    /// <summary>Takes a blocker back.</summary>
    public void Remove(OperationBlocker blocker) => list.Remove(blocker);

    /// <summary>Throws when somebody blocks one of these operations.</summary>
    /// <param name="name">The name of the node.</param>
    /// <param name="operations">What the caller is about to do.</param>
    public void Demand(string name, NodeOperation operations)
    {
        foreach (var blocker in All)
        {
            if ((blocker.Operations & operations) != 0)
                throw new BlockException(BlockErrorKind.Locked, $"Node '{name}' is busy: {blocker.Reason}");
        }
    }

    private static OperationBlocker ByOverlay(NodeLink link) =>
        new(BlockedByOverlay, link.Owner.Description, $"node is used as backing hd of '{((BlockNode)link.Owner).Name}'");
}
