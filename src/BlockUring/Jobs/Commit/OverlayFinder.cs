using BlockUring.Graph;
using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Storage;

namespace BlockUring.Jobs.Commit;

/// <summary>Opens the overlays of a node that nobody has opened yet, as nodes over that node.</summary>
internal sealed class OverlayFinder
{
    private readonly BlockGraph graph;
    private readonly BlockNode below;
    private readonly bool readOnly;
    private readonly List<FormatNode> opened = [];

    private OverlayFinder(BlockGraph graph, BlockNode below, bool readOnly)
    {
        this.graph = graph;
        this.below = below;
        this.readOnly = readOnly;
    }

    /// <summary>Opens overlays.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="below">The node that they lie over.</param>
    /// <param name="wanted">Which.</param>
    /// <param name="readOnly">Whether they are only looked at.</param>
    /// <returns>Nodes that nobody uses yet.</returns>
    /// <exception cref="BlockException">Which cannot be kept and why; none is open then.</exception>
    public static async ValueTask<IReadOnlyList<FormatNode>> OpenAsync(BlockGraph graph, BlockNode below, OverlayProtection wanted, bool readOnly)
    {
        var finder = new OverlayFinder(graph, below, readOnly);
        try
        {
            foreach (var name in wanted.Names)
                await finder.AddNamedAsync(name);
            foreach (var directory in wanted.Directories)
                await finder.AddAllInAsync(directory);
            return finder.opened;
        }
        catch
        {
            foreach (var node in finder.opened)
                await graph.CloseIfUnusedAsync(node);
            throw;
        }
    }

    private async ValueTask AddNamedAsync(string name)
    {
        if (graph.TryFind(name) is { } node)
        {
            if (!IsAbove(node))
                throw Refused(name, $"it does not lie over '{OverlayHold.NameOf(below)}'");
            return;
        }

        if (!NodesOf(name).Any(IsAbove))
            await AddAsync(await FindNamedAsync(name) ?? throw Refused(name, $"it does not lie over '{below.FileName}'"));
    }

    private async ValueTask<(string Path, BackingHeader Header)?> FindNamedAsync(string name)
    {
        try
        {
            return await FindAsync(name);
        }
        catch (BlockException e) when (e.ErrorNumber == Errno.ENOENT)
        {
            throw Refused(name, "there is neither a node nor a file of that name");
        }
    }

    private async ValueTask AddAllInAsync(string directory)
    {
        foreach (var path in graph.Host.ListFiles(directory))
        {
            try
            {
                if (!IsKept(path) && await FindAsync(path) is { } found)
                    await AddAsync(found);
            }
            catch (BlockException e) when (e.ErrorNumber == Errno.ENOENT)
            {
                // It has just gone.
            }
        }
    }

    // The image right over the node, in the chain that headers name.
    private async ValueTask<(string Path, BackingHeader Header)?> FindAsync(string path)
    {
        try
        {
            return await BackingHeader.FindAboveAsync(graph.Host, path, below.FileName);
        }
        catch (BlockException e) when (e.ErrorNumber != Errno.ENOENT)
        {
            throw new BlockException(e.Kind, $"It is not known whether '{path}' lies over '{below.FileName}': {e.Message}", inner: e) { Path = e.Path };
        }
    }

    private async ValueTask AddAsync((string Path, BackingHeader Header) found)
    {
        var (path, header) = found;
        if (IsKept(path))
            return;
        if (NodesOf(path).FirstOrDefault() is { } other)
            throw Refused(path, $"it is open as node '{other.Name}', which does not lie over '{OverlayHold.NameOf(below)}'");
        var format = NodeChain.SkipFilters(below).DriverName;
        if (header.Format != null && header.Format != format)
            throw Refused(path, $"its header says that its backing file is a {header.Format} image, and it is {format}");
        var options = new OptionTree();
        options.Set("file.driver", "file");
        options.Set("file.filename", path);
        options.Set("backing", below.Name);
        try
        {
            var node = await GraphOpener.OpenAsync(
                graph, options, below.Settings with { ReadOnly = readOnly, AutoReadOnly = false, DetectZeroes = DetectZeroes.Off, Unmap = true });
            opened.Add((FormatNode)node);
        }
        catch (BlockException e)
        {
            throw Refused(path, e);
        }
    }

    // Whether it is a node of this tree already.
    private bool IsKept(string path) => NodesOf(path).Any(IsInPlace);

    private IEnumerable<BlockNode> NodesOf(string path) =>
        graph.Nodes.Where(n => n is FormatNode && n.FileName.Length > 0 && graph.Host.AreSame(n.FileName, path));

    private bool IsInPlace(BlockNode node) => IsAbove(node) || NodeChain.Contains(below, node);

    private bool IsAbove(BlockNode node) => !NodeChain.Contains(below, node) && NodeChain.Contains(node, NodeChain.SkipFilters(below));

    private BlockException Refused(string name, BlockException e) => new(
        e.Kind, $"'{name}' cannot be kept as it is while '{OverlayHold.NameOf(below)}' is written: {e.Message}", inner: e)
    { Path = e.Path };

    private BlockException Refused(string name, string why) =>
        new(BlockErrorKind.Invalid, $"'{name}' cannot be kept as it is while '{OverlayHold.NameOf(below)}' is written: {why}");
}
