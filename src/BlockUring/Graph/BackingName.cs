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
    public static ValueTask SetAsync(BlockGraph graph, FormatNode node, string name) =>
        SetAsync(graph, node, name.Length == 0 ? null : name, FormatBelow(node));

    /// <summary>Writes a name and a format into the header. A read-only image is reopened for it.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="node">The overlay.</param>
    /// <param name="name">The name, as it is written; null for no backing file.</param>
    /// <param name="format">The backing file's format; null when it is to be guessed.</param>
    /// <exception cref="BlockException">Why not; the old name is still there.</exception>
    public static async ValueTask SetAsync(BlockGraph graph, FormatNode node, string? name, string? format)
    {
        var wasReadOnly = node.Settings.ReadOnly;
        await GraphReopener.SetReadOnlyAsync(graph, node, readOnly: false);
        try
        {
            using var section = await graph.DrainAsync(node);
            await node.Image.Format.SetBackingNameAsync(name, format);
        }
        finally
        {
            await GraphReopener.SetReadOnlyAsync(graph, node, wasReadOnly);
        }
    }

    /// <summary>What an image may call a backing file.</summary>
    /// <param name="path">The image.</param>
    /// <param name="backing">The backing file, as this process names it.</param>
    /// <remarks>
    /// Why: a relative name counts from the folder of the image that holds it, and a node's from this process's. QEMU 7.2 writes it as it is.
    /// </remarks>
    public static string NameFrom(string path, string backing) =>
        ImagePath.Combine(path, backing) == backing ? backing : Path.GetFullPath(backing);

    // Why not the name of the overlay's own format, which QEMU 7.2 writes: it need not be that of the file below.
    private static string? FormatBelow(FormatNode node)
    {
        var below = node.BackingLink!.Node;
        while (below is { IsFilter: true, Primary: { } primary })
            below = primary.Node;
        return below is FormatNode ? below.DriverName : node.Image.Format.BackingFormat ?? "raw";
    }
}
