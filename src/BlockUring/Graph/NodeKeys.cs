using BlockUring.Images;
using BlockUring.Images.Encryption;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Changes the passwords of an encrypted image on a node.</summary>
public static class NodeKeys
{
    /// <summary>Changes them.</summary>
    /// <param name="graph">Where; the caller does not hold its change.</param>
    /// <param name="node">The node of the image.</param>
    /// <param name="change">How.</param>
    /// <exception cref="BlockException">Why not.</exception>
    public static async ValueTask AmendAsync(BlockGraph graph, FormatNode node, LuksAmendment change)
    {
        var user = new DiskUser("an amend job");
        NodeLink link;
        using (await graph.BeginChangeAsync())
        {
            if (node.IsReadOnly)
                throw new BlockException(BlockErrorKind.Access, "Block node is read-only");
            link = graph.Attach(user, node, "root", ImagePermissions.Write, NodeLink.AllPermissions);
        }

        try
        {
            await user.RunAsync(_ => node.Image.Format.AmendKeysAsync(change));
        }
        finally
        {
            using var ending = await graph.BeginChangeAsync();
            graph.Detach(link);
        }
    }
}
