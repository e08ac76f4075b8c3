using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Nodes of a chain by the names of their files, for users of the time before nodes had names.</summary>
public static class BackingFileSearch
{
    /// <summary>The image below a node whose file is meant; null for none.</summary>
    /// <param name="host">Tells whether two names are of one file.</param>
    /// <param name="root">The node; it is not looked at itself.</param>
    /// <param name="name">A file name; a relative one counts from the directory of the image above the one that is looked for.</param>
    public static BlockNode? Find(FileHost host, BlockNode root, string name)
    {
        var above = NodeChain.SkipFilters(root);
        while (above.BackingLink is { } link)
        {
            var below = NodeChain.SkipFilters(link.Node);
            if (IsMeant(host, above, below, name))
                return below;
            above = below;
        }

        return null;
    }

    private static bool IsMeant(FileHost host, BlockNode above, BlockNode below, string name)
    {
        var stored = (above as FormatNode)?.Image.Format.BackingFileName;
        if (name.Length == 0)
            return false;
        if (name == below.FileName || name == stored)
            return true;
        return !ImagePath.HasProtocol(name) && host.AreSame(ImagePath.Combine(above.FileName, name), below.FileName);
    }
}
