using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Image files that commands make by path, and open as nodes that go with their last user.</summary>
public static class NewImage
{
    /// <summary>Makes an image file.</summary>
    /// <param name="graph">Whose files.</param>
    /// <param name="path">The file.</param>
    /// <param name="format">The format.</param>
    /// <param name="length">Guest size in bytes.</param>
    /// <param name="backing">The node whose file the header is to name as backing file; null for none.</param>
    /// <exception cref="BlockException">Why not.</exception>
    public static async ValueTask CreateAsync(BlockGraph graph, string path, string format, long length, BlockNode? backing)
    {
        var driver = ImageFormats.Find(format) ?? throw new BlockException(BlockErrorKind.Invalid, $"Unknown file format '{format}'");
        var options = new Dictionary<string, string>();
        if (backing != null)
        {
            if (!driver.CreateOptions.Any(o => o.Name == "backing_file"))
                throw new BlockException(BlockErrorKind.Unsupported, $"Backing file not supported for file format '{format}'");
            var layer = LayerOf(backing);
            options.Add("backing_file", BackingName.NameFrom(path, layer.FileName));
            options.Add("backing_fmt", ImageFormats.Find(layer.DriverName)?.Name ?? "raw");
        }

        await driver.CreateAsync(graph.Host, new CreateRequest(path, length, options) { Secrets = graph.FindSecret });
    }

    /// <summary>Opens an image file as a node.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="path">The file.</param>
    /// <param name="format">The format; null to guess it.</param>
    /// <param name="name">The node's name; null for one that is made up.</param>
    /// <param name="settings">The node's options.</param>
    /// <param name="withBacking">Whether the backing file is opened that the header names.</param>
    /// <exception cref="BlockException">Why not.</exception>
    public static async ValueTask<BlockNode> OpenAsync(
        BlockGraph graph, string path, string? format, string? name, NodeSettings settings, bool withBacking)
    {
        var options = FileSource.NodeOptionsOf(graph.Host, path);
        if (name != null)
            options.Set("node-name", name);
        if (format != null)
            options.Set("driver", format);
        if (!withBacking && format != "raw")
            options.Set("backing", "");
        return await GraphOpener.OpenAsync(graph, options, settings);
    }

    private static BlockNode LayerOf(BlockNode node)
    {
        while (node is { IsFilter: true, Primary: { } primary })
            node = primary.Node;
        return node;
    }
}
