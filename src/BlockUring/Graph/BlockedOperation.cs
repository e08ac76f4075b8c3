using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Something that cannot be done with a node at present.</summary>
/// <param name="Node">The node.</param>
/// <param name="Operation">What: "resize", "change-backing", "write".</param>
/// <param name="User">Who stands against it, as messages name it.</param>
/// <param name="Reason">Why.</param>
public sealed record BlockedOperation(BlockNode Node, string Operation, string User, string Reason)
{
    private static readonly (NodeOperation Operation, string Name)[] Names =
    [
        (NodeOperation.BackupSource, "backup-source"),
        (NodeOperation.BackupTarget, "backup-target"),
        (NodeOperation.MirrorSource, "mirror-source"),
        (NodeOperation.MirrorTarget, "mirror-target"),
        (NodeOperation.Stream, "stream"),
        (NodeOperation.CommitSource, "commit-source"),
        (NodeOperation.CommitTarget, "commit-target"),
        (NodeOperation.ExternalSnapshot, "external-snapshot"),
        (NodeOperation.InternalSnapshot, "internal-snapshot"),
        (NodeOperation.Resize, "resize"),
        (NodeOperation.Replace, "replace"),
        (NodeOperation.Reopen, "reopen"),
        (NodeOperation.Amend, "amend"),
        (NodeOperation.Delete, "delete"),
    ];

    /// <summary>All that is blocked at a node: operations, links that are frozen, and permissions that its users do not leave to others.</summary>
    public static IEnumerable<BlockedOperation> Of(BlockNode node) => [.. Operations(node), .. FrozenLinks(node), .. Permissions(node)];

    /// <summary>Permissions as the wire names them: "write-unchanged".</summary>
    public static IEnumerable<string> NamesOf(ImagePermissions permissions) => PermissionSolver.WireNames(permissions);

    private static IEnumerable<BlockedOperation> Operations(BlockNode node) =>
        from blocker in node.Blockers.All
        from named in Names
        where (blocker.Operations & named.Operation) != 0
        select new BlockedOperation(node, named.Name, blocker.User, blocker.Reason);

    private static IEnumerable<BlockedOperation> FrozenLinks(BlockNode node) =>
        from link in node.Children
        from freezer in link.Freezers
        select new BlockedOperation(node, $"change-{link.Name}", freezer, $"the '{link.Name}' link to '{link.Node.Name}' is frozen");

    private static IEnumerable<BlockedOperation> Permissions(BlockNode node) =>
        from link in node.Parents
        from permission in PermissionSolver.WireNames(NodeLink.AllPermissions & ~link.Shared)
        select new BlockedOperation(
            node, permission, link.Owner.Description, $"uses node '{node.Name}' as '{link.Name}' child and does not share this permission");
}
