using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>The kind of node over an image format.</summary>
internal sealed class FormatDriver : NodeDriver
{
    private readonly ImageDriver format;

    public FormatDriver(ImageDriver format) => this.format = format;

    public override string Name => format.Name;

    public override async ValueTask<BlockNode> OpenAsync(NodeOpening opening)
    {
        var fileNode = await opening.ChildAsync("file", opening.StorageDefaults());
        var reading = new DiskUser($"node '{opening.Name}'");
        NodeLink? held = null;
        if (format.Name != "raw")
            held = opening.Graph.Attach(reading, fileNode, "file", Needed(opening), NodeLink.AllPermissions & ~NeededForWriting);
        try
        {
            return await OpenOnAsync(opening, fileNode, held);
        }
        finally
        {
            if (held != null)
                opening.Graph.Detach(held);
        }
    }

    private const ImagePermissions NeededForWriting = ImagePermissions.Write | ImagePermissions.Resize;

    private static ImagePermissions Needed(NodeOpening opening) =>
        ImagePermissions.ConsistentRead | (opening.Settings.ReadOnly ? ImagePermissions.None : NeededForWriting);

    private async ValueTask<BlockNode> OpenOnAsync(NodeOpening opening, BlockNode fileNode, NodeLink? held)
    {
        var mainFile = new ChildFile(fileNode);
        var dataNode = opening.Has("data-file") ? await opening.ChildAsync("data-file", opening.StorageDefaults()) : null;
        var host = new ChildFileHost(opening, dataNode);
        if (dataNode != null)
            opening.Options.Set("data-file.filename", dataNode.FileName);
        var backing = opening.TakeBacking();
        var options = new FileOpenOptions(opening.Settings.ReadOnly);
        var image = await format.OpenAsync(
            new OpenContext(host, mainFile, options, opening.Options, opening.Graph.Gate, opening.Graph.Warn) { Secrets = opening.Graph.FindSecret });
        FormatNode node;
        try
        {
            opening.DemandNothingLeft();
            var backingNode = image.SupportsBacking ? await opening.BackingAsync(backing, image, mainFile.Path) : null;
            node = new FormatNode(opening.Name, opening.Settings, new Image(fileNode.FileName, image, mainFile), mainFile, host.Opened);
            image.CorruptionFound = corruption => opening.Graph.Tell(node, corruption);
            await node.LoadBitmapsAsync();
            var main = node.AddChild("file", format.Name == "raw" ? LinkRole.Filtered : LinkRole.Storage, fileNode);
            if (held != null)
                (main.Needed, main.Shared) = (held.Needed, held.Shared);
            if (host.Node != null)
                node.AddChild("data-file", LinkRole.Data, host.Node);
            if (backingNode != null)
                node.AddChild("backing", LinkRole.Backing, backingNode);
        }
        catch
        {
            await image.DisposeAsync();
            throw;
        }

        return node;
    }
}
