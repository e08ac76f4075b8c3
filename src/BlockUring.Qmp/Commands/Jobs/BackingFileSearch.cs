using BlockUring.Graph;
using BlockUring.Images;

namespace BlockUring.Qmp.Commands.Jobs;

/// <summary>Nodes of a chain by the names of their files, for arguments from the time before nodes had names.</summary>
internal static class BackingFileSearch
{
    /// <summary>The image below a node whose file is meant; null for none.</summary>
    /// <param name="root">The node; it is not looked at itself.</param>
    /// <param name="name">A file name; a relative one counts from the directory of the image above the one that is looked for.</param>
    public static BlockNode? Find(BlockNode root, string name)
    {
        var above = NodeChain.SkipFilters(root);
        while (above.BackingLink is { } link)
        {
            var below = NodeChain.SkipFilters(link.Node);
            if (IsMeant(above, below, name))
                return below;
            above = below;
        }

        return null;
    }

    private static bool IsMeant(BlockNode above, BlockNode below, string name)
    {
        if (name == below.FileName)
            return true;
        var stored = (above as FormatNode)?.Image.Format.BackingFileName;
        if (ImagePath.HasProtocol(name) || (stored != null && ImagePath.HasProtocol(stored)))
            return name == stored;
        return Canonical(ImagePath.Combine(above.FileName, name)) is { } wanted && wanted == Canonical(below.FileName);
    }

    private static string? Canonical(string path)
    {
        try
        {
            return path.Length == 0 ? null : Path.GetFullPath(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
