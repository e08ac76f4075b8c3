using BlockUring.Storage;
using static BlockUring.Storage.ImagePermissions;

namespace BlockUring.Graph;

/// <summary>How permissions pass from a node to those below it, by the role of the link, as in QEMU.</summary>
internal static class PermissionRules
{
    public static (ImagePermissions Needed, ImagePermissions Shared) ForRole(
        BlockNode owner, NodeLink link, ImagePermissions needed, ImagePermissions shared) => link.Role switch
        {
            LinkRole.Filtered => (needed, shared | WriteUnchanged),
            LinkRole.Backing => ForBacking(link, needed, shared),
            LinkRole.Data => ForData(needed, shared),
            _ => ForStorage(owner, needed, shared),
        };

    // Only reading passes on; who tolerates changing data above tolerates it below, and so does who never gets to see it.
    private static (ImagePermissions Needed, ImagePermissions Shared) ForBacking(NodeLink link, ImagePermissions needed, ImagePermissions shared)
    {
        var tolerated = link.IsGuarded || (shared & Write) != 0 ? Write | Resize : None;
        return (needed & ConsistentRead, tolerated | ConsistentRead | WriteUnchanged);
    }

    // Metadata: a writable format writes when it likes, and nobody else may.
    private static (ImagePermissions Needed, ImagePermissions Shared) ForStorage(
        BlockNode owner, ImagePermissions needed, ImagePermissions shared)
    {
        if (!owner.IsReadOnly)
            needed |= Write | Resize;
        return (needed | ConsistentRead, (shared | WriteUnchanged) & ~(Write | Resize));
    }

    private static (ImagePermissions Needed, ImagePermissions Shared) ForData(ImagePermissions needed, ImagePermissions shared)
    {
        if ((needed & WriteUnchanged) != 0)
            needed |= Write;
        if ((needed & Write) != 0)
            needed |= Resize;
        return (needed, (shared | WriteUnchanged) & ~Resize);
    }
}
