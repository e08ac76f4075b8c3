using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Changes the backing file that an image names in its header; the graph stays as it is.</summary>
public static class BackingName
{
    /// <summary>Writes the name, and the format of the backing node, into the header. A read-only image is reopened for it.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="node">The overlay; it has a backing node.</param>
    /// <param name="name">The name, as it is written.</param>
    /// <exception cref="BlockException">Why not; the old name is still there.</exception>
    public static async ValueTask SetAsync(BlockGraph graph, FormatNode node, string name)
    {
        var wasReadOnly = node.Settings.ReadOnly;
        await GraphReopener.SetReadOnlyAsync(graph, node, readOnly: false);
        try
        {
            using var section = await graph.DrainAsync(node);
            await node.Image.Format.SetBackingNameAsync(name.Length == 0 ? null : name, FormatBelow(node));
        }
        finally
        {
            await GraphReopener.SetReadOnlyAsync(graph, node, wasReadOnly);
        }
    }

    /// <summary>The name by which an overlay's header finds the file of a node.</summary>
    /// <param name="overlay">Whose header.</param>
    /// <param name="below">The node.</param>
    public static string Of(BlockNode overlay, BlockNode below)
    {
        // Why not as it was opened, which QEMU writes: names in headers count from the directory of the image, not from the current one.
        var name = below.FileName;
        if (name.StartsWith('/') || ImagePath.HasProtocol(name))
            return name;
        var directory = Path.GetDirectoryName(name);
        return directory == Path.GetDirectoryName(overlay.FileName) ? Path.GetFileName(name) : Path.GetFullPath(name);
    }

    // Why not the name of the overlay's own format, which QEMU 7.2 writes: it need not be that of the file below.
    private static string? FormatBelow(FormatNode node)
    {
        var below = node.BackingLink!.Node;
        while (below is { IsFilter: true, Primary: { } primary })
            below = primary.Node;
        return below is FormatNode ? below.DriverName : "raw";
    }
}
