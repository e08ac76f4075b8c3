using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Makes nodes from options, as blockdev-add has them. All or nothing.</summary>
public static class GraphOpener
{
    private const int MaxNameLength = 31;

    /// <summary>Makes a node that has to be deleted by name again.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="options">By dotted name; children inline or by reference. Not used up.</param>
    /// <exception cref="BlockException">Why not; nothing is left of the attempt.</exception>
    public static async ValueTask<BlockNode> AddAsync(BlockGraph graph, OptionTree options)
    {
        var own = options.Clone();
        if (own.Get("node-name") == null)
            throw new BlockException(BlockErrorKind.Invalid, "'node-name' must be specified for the root node");
        var node = await OpenTreeAsync(graph, own, new NodeSettings());
        node.IsMonitorOwned = true;
        return node;
    }

    /// <summary>Makes a node that goes when its last user does (a target by file name, an overlay).</summary>
    public static ValueTask<BlockNode> OpenAsync(BlockGraph graph, OptionTree options, NodeSettings defaults) =>
        OpenTreeAsync(graph, options.Clone(), defaults);

    /// <summary>Deletes a node made by <see cref="AddAsync"/>.</summary>
    public static async ValueTask DeleteAsync(BlockGraph graph, string name)
    {
        var node = graph.TryFind(name)
            ?? throw new BlockException(BlockErrorKind.NotFound, $"Failed to find node with node-name='{name}'");
        if (node.Parents.Any(l => l.Owner is NodeUser { StaysAtNode: false }))
            throw new BlockException(BlockErrorKind.Locked, $"Node {name} is in use");
        node.Blockers.Demand(name, NodeOperation.Delete);
        if (!node.IsMonitorOwned)
            throw new BlockException(BlockErrorKind.Invalid, $"Node {name} is not owned by the monitor");
        if (node.Parents.Count > 0)
            throw new BlockException(BlockErrorKind.Locked, $"Block device {name} is in use");
        await graph.CloseAsync(node);
    }

    /// <summary>Throws unless a new node may have this name.</summary>
    /// <exception cref="BlockException">It is malformed, too long or in use.</exception>
    public static void DemandName(BlockGraph graph, string name)
    {
        if (!IsWellFormed(name))
            throw new BlockException(BlockErrorKind.Invalid, $"Invalid node-name: '{name}'");
        if (graph.TryFind(name) != null)
            throw new BlockException(BlockErrorKind.Invalid, $"Duplicate nodes with node-name='{name}'");
        if (name.Length > MaxNameLength)
            throw new BlockException(BlockErrorKind.Invalid, "Node name too long");
    }

    internal static async ValueTask<BlockNode> OpenAsync(
        BlockGraph graph, OptionTree options, NodeSettings defaults, List<BlockNode> opened, int depth)
    {
        var name = TakeName(graph, options);
        var settings = NodeSettingsText.Take(options, defaults);
        var driver = await FindDriverAsync(graph, options, settings, opened, depth);
        var given = options.Clone();
        var opening = new NodeOpening(graph, name, settings, options, opened, depth) { Driver = driver };
        var node = await driver.OpenAsync(opening);
        opened.Add(node);
        opening.Finish(node);
        node.GivenOptions = WithoutChildren(given, node);
        if (!settings.ReadOnly && node is FormatNode { Image.Format.SupportsBacking: true } && node.Primary!.Node.IsReadOnly)
            throw new BlockException(BlockErrorKind.Access, "Block node is read-only");
        node.Sequence = opening.Sequence;
        graph.Register(node);
        return node;
    }

    private static async ValueTask<BlockNode> OpenTreeAsync(BlockGraph graph, OptionTree options, NodeSettings defaults)
    {
        var opened = new List<BlockNode>();
        try
        {
            var node = await OpenAsync(graph, options, defaults, opened, 0);
            graph.SolvePermissions();
            return node;
        }
        catch
        {
            // Why backwards: what is above was made last, and holds on to what is below.
            for (var i = opened.Count - 1; i >= 0; i--)
            {
                if (opened[i].Parents.Count == 0)
                    await graph.CloseAsync(opened[i]);
            }

            throw;
        }
    }

    private static OptionTree WithoutChildren(OptionTree given, BlockNode node)
    {
        foreach (var link in node.Children)
        {
            given.TakeSubtree(link.Name);
            given.TryTake(link.Name, out _);
        }

        given.TakeSubtree("backing");
        given.TryTake("backing", out _);
        return given;
    }

    private static string TakeName(BlockGraph graph, OptionTree options)
    {
        if (!options.TryTake("node-name", out var name))
            return graph.NextAutoName();
        DemandName(graph, name);
        return name;
    }

    private static bool IsWellFormed(string name) =>
        name.Length > 0 && char.IsAsciiLetter(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_');

    private static async ValueTask<NodeDriver> FindDriverAsync(
        BlockGraph graph, OptionTree options, NodeSettings settings, List<BlockNode> opened, int depth)
    {
        if (options.TryTake("driver", out var name))
            return NodeDrivers.Find(name, graph.Host) ?? throw new BlockException(BlockErrorKind.Invalid, $"Unknown driver '{name}'");
        if (options.Get("file.driver") is { } below && graph.Host.FindProtocol(below) != null)
            return await ProbeNodeAsync(graph, options, settings, opened, depth);
        if (options.Get("file.filename") is not { } path)
            return NodeDrivers.Find("file", graph.Host)!;
        var probing = new FileOpenOptions(true, new CacheMode("custom", settings.Direct, settings.NoFlush, false)) { Locking = false };
        await using var file = await graph.Host.OpenAsync(path, probing);
        return await ProbeAsync(graph, file);
    }

    // Why not twice: a server may end with its first client.
    private static async ValueTask<NodeDriver> ProbeNodeAsync(
        BlockGraph graph, OptionTree options, NodeSettings settings, List<BlockNode> opened, int depth)
    {
        var node = await OpenAsync(
            graph, options.TakeSubtree("file"), settings with { Unmap = true, DetectZeroes = DetectZeroes.Off }, opened, depth + 1);
        options.Set("file", node.Name);
        return await ProbeAsync(graph, node.File);
    }

    private static async ValueTask<NodeDriver> ProbeAsync(BlockGraph graph, BlockFile file)
    {
        using var head = file.Buffers.Rent(BufferPool.Alignment);
        await file.ReadAsync(0, head.Memory);
        return NodeDrivers.Find(ImageFormats.Probe(head.Span[..(int)Math.Min(ImageFormats.ProbeLength, file.Length)]).Name, graph.Host)!;
    }
}
