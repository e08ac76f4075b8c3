using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Cli.Jobs;

/// <summary>Opens images that a command line names as nodes.</summary>
internal static class ImageNodes
{
    /// <summary>Opens an image.</summary>
    /// <param name="graph">Where.</param>
    /// <param name="path">The file.</param>
    /// <param name="format">Its format; null for what it looks like.</param>
    /// <param name="cache">How its files are opened, those of its chain too.</param>
    /// <param name="isReadOnly">Whether it will not be written.</param>
    /// <exception cref="BlockException">"Could not open 'NAME': reason".</exception>
    public static async ValueTask<BlockNode> OpenAsync(BlockGraph graph, string path, string? format, CacheMode cache, bool isReadOnly)
    {
        var options = FileSource.NodeOptionsOf(graph.Host, path);
        if (format != null)
            options.Set("driver", format);
        var settings = new NodeSettings { ReadOnly = isReadOnly, Direct = cache.Direct, NoFlush = cache.NoFlush, Unmap = true };
        using var change = await graph.BeginChangeAsync();
        return await GraphOpener.OpenAsync(graph, options, settings);
    }
}
