using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Makes an image on nodes, as blockdev-create does.</summary>
public static class NodeImage
{
    /// <summary>Makes an image.</summary>
    /// <param name="graph">Where; the caller does not hold its change.</param>
    /// <param name="driver">The format.</param>
    /// <param name="length">Guest size in bytes.</param>
    /// <param name="options">As for <see cref="CreateRequest"/>, without the data file.</param>
    /// <param name="file">A node's name, or options of one that is opened for this.</param>
    /// <param name="dataFile">The same for the external data file; null for none.</param>
    /// <exception cref="BlockException">Why not.</exception>
    public static async ValueTask CreateAsync(
        BlockGraph graph, ImageDriver driver, long length, Dictionary<string, string> options, OptionTree file, OptionTree? dataFile)
    {
        var links = new List<NodeLink>();
        var user = new DiskUser("an unnamed block device");
        try
        {
            using (await graph.BeginChangeAsync())
            {
                await UseAsync(graph, user, file, links);
                if (dataFile != null)
                    await UseAsync(graph, user, dataFile, links);
            }

            if (dataFile != null)
                options.Add("data_file", links[1].Node.FileName);
            await user.RunAsync(main => driver.CreateAsync(
                new NodeImageHost(links.Select(l => l.Node)), new CreateRequest(main.FileName, length, options) { Secrets = graph.FindSecret }));
        }
        finally
        {
            using var change = await graph.BeginChangeAsync();
            foreach (var link in links)
            {
                graph.Detach(link);
                await graph.CloseIfUnusedAsync(link.Node);
            }
        }
    }

    private static async ValueTask UseAsync(BlockGraph graph, DiskUser user, OptionTree reference, List<NodeLink> links)
    {
        var node = reference.Get("") is { } name ? graph.Find(name) : await GraphOpener.OpenAsync(graph, reference, new NodeSettings());
        try
        {
            links.Add(graph.Attach(user, node, "root", ImagePermissions.Write | ImagePermissions.Resize, NodeLink.AllPermissions));
        }
        catch
        {
            await graph.CloseIfUnusedAsync(node);
            throw;
        }
    }
}
