using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>An edge of the graph: somebody uses a node, needs some permissions on it, and leaves some to others.</summary>
public sealed class NodeLink
{
    /// <summary>All four permissions.</summary>
    public const ImagePermissions AllPermissions =
        ImagePermissions.ConsistentRead | ImagePermissions.Write | ImagePermissions.WriteUnchanged | ImagePermissions.Resize;

    private readonly List<string> freezers = [];

    internal NodeLink(ILinkOwner owner, string name, LinkRole role, BlockNode node)
    {
        Owner = owner;
        Name = name;
        Role = role;
        Node = node;
    }

    /// <summary>The user.</summary>
    public ILinkOwner Owner { get; }

    /// <summary>The link's name: "file", "backing", "root", "target".</summary>
    public string Name { get; }

    /// <summary>What the node is to the owner.</summary>
    public LinkRole Role { get; }

    /// <summary>The node used.</summary>
    public BlockNode Node { get; internal set; }

    /// <summary>What the owner does with the node.</summary>
    public ImagePermissions Needed { get; internal set; }

    /// <summary>What others may do with it meanwhile.</summary>
    public ImagePermissions Shared { get; internal set; } = AllPermissions;

    /// <summary>
    /// Whether a job takes care that what it writes to the node below never shows through this link, so that such a writer is tolerated. For
    /// backing links.
    /// </summary>
    public bool IsGuarded { get; internal set; }

    /// <summary>Whether a job relies on the link's staying as it is.</summary>
    public bool IsFrozen => freezers.Count > 0;

    /// <summary>Who froze it, in order.</summary>
    public IReadOnlyList<string> Freezers => freezers;

    /// <summary>From now on the link must not change; several may ask for it.</summary>
    /// <param name="by">Who asks, as messages name it.</param>
    public void Freeze(string by) => freezers.Add(by);

    /// <summary>Takes one <see cref="Freeze"/> back.</summary>
    public void Unfreeze(string by)
    {
        if (!freezers.Remove(by))
            throw new InvalidOperationException($"The '{Name}' link to '{Node.Name}' was not frozen by {by}");
    }

    /// <summary>Throws when the link is frozen.</summary>
    public void DemandNotFrozen()
    {
        if (IsFrozen)
        {
            var owner = Owner is BlockNode node ? node.Name : Owner.Description;
            throw new BlockException(BlockErrorKind.Locked, $"Cannot change frozen '{Name}' link from '{owner}' to '{Node.Name}'");
        }
    }
}
