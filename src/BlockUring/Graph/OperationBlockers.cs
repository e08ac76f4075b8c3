using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>The operations that are refused at one node. Whoever blocks names what would really break, and nothing else.</summary>
public sealed class OperationBlockers
{
    private readonly List<OperationBlocker> list = [];

    /// <summary>All, in the order of their coming.</summary>
    public IReadOnlyList<OperationBlocker> All => list;

    /// <summary>Blocks until <see cref="Remove"/>.</summary>
    public void Add(OperationBlocker blocker) => list.Add(blocker);

    /// <summary>Takes a blocker back.</summary>
    public void Remove(OperationBlocker blocker) => list.Remove(blocker);

    /// <summary>Throws when somebody blocks one of these operations.</summary>
    /// <param name="node">The name of the node.</param>
    /// <param name="operations">What the caller is about to do.</param>
    public void Demand(string node, NodeOperation operations)
    {
        foreach (var blocker in list)
        {
            if ((blocker.Operations & operations) != 0)
                throw new BlockException(BlockErrorKind.Locked, $"Node '{node}' is busy: {blocker.Reason}");
        }
    }
}
