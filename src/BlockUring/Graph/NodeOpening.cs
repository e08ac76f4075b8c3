using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>One node being made: its name, its options, and the nodes that come to be below it meanwhile.</summary>
internal sealed class NodeOpening
{
    // Why: names inside images may lead in circles.
    private const int MaxDepth = BackingChain.MaxDepth * 2;

    private readonly List<BlockNode> opened;
    private readonly List<BlockNode> inline = [];
    private readonly int depth;

    public NodeOpening(BlockGraph graph, string name, NodeSettings settings, OptionTree options, List<BlockNode> opened, int depth)
    {
        if (depth > MaxDepth)
            throw new BlockException(BlockErrorKind.Limit, $"The backing chain is longer than {BackingChain.MaxDepth} images");
        Graph = graph;
        Name = name;
        Settings = settings;
        Options = options;
        this.opened = opened;
        this.depth = depth;
    }

    public BlockGraph Graph { get; }

    public string Name { get; }

    public NodeSettings Settings { get; }

    /// <summary>What has not been taken yet, by dotted name.</summary>
    public OptionTree Options { get; }

    /// <summary>The driver in the making, for messages.</summary>
    public NodeDriver? Driver { get; set; }

    public string? Take(string name) => Options.TryTake(name, out var value) ? value : null;

    public bool? TakeBool(string name) => Take(name) is { } text ? OptionText.ParseBool(name, text) : null;

    public long? TakeSize(string name)
    {
        if (Take(name) is not { } text)
            return null;
        return SizeText.TryParse(text, out var value)
            ? value
            : throw new BlockException(BlockErrorKind.Invalid, $"Parameter '{name}' expects a non-negative number below 2^64");
    }

    /// <summary>Whether a child of that name was given, by reference or inline.</summary>
    public bool Has(string key) =>
        Options.Get(key) != null || Options.Values.Keys.Any(k => k.StartsWith(key + ".", StringComparison.Ordinal));

    /// <summary>The node's place in the order of nodes; 0 for the last one.</summary>
    public long Sequence { get; private set; }

    /// <summary>The child of that name: the node referred to, or a new one by the inline options.</summary>
    /// <param name="key">The option.</param>
    /// <param name="defaults">What an inline child takes over.</param>
    public async ValueTask<BlockNode> ChildAsync(string key, NodeSettings defaults)
    {
        // Why: a node comes after its file and before all else below it, as QEMU opens and lists them.
        if (key != "file")
            TakePlace();
        var child = await OpenChildAsync(key, defaults);
        TakePlace();
        return child;
    }

    /// <summary>A new node over a file of the host.</summary>
    public ValueTask<BlockNode> FileNodeAsync(string path, NodeSettings defaults)
    {
        var options = FileSource.OptionsOf(Graph.Host, path).TakeSubtree("file");
        if (options.Get("driver") == null)
            options.Set("driver", "file");
        return OpenAsync(options, defaults);
    }

    /// <summary>What the file below takes over from this node unless it is told otherwise.</summary>
    public NodeSettings StorageDefaults() => Settings with { Unmap = true, DetectZeroes = DetectZeroes.Off };

    /// <summary>What a backing node takes over: it is never written to.</summary>
    public NodeSettings BackingDefaults() => BackingDefaults(Settings);

    /// <summary>What the backing node of a node with these settings takes over.</summary>
    public static NodeSettings BackingDefaults(NodeSettings overlay) =>
        overlay with { ReadOnly = true, AutoReadOnly = false, Unmap = false, DetectZeroes = DetectZeroes.Off };

    /// <summary>The options of the node that an image's header names.</summary>
    /// <param name="graph">Decides whether the file may be opened.</param>
    /// <param name="stored">What the header says.</param>
    /// <param name="path">The image.</param>
    public static OptionTree OptionsFromHeader(BlockGraph graph, string stored, string path)
    {
        var name = ImagePath.Combine(path, stored);
        graph.Gate.Demand(name, path);
        if (name.StartsWith("json:", StringComparison.Ordinal))
            return OptionTree.ParseJson(name[5..]);
        return FileSource.NodeOptionsOf(graph.Host, name);
    }

    /// <summary>The options about the backing node, which a format must not see.</summary>
    public (string? Reference, OptionTree Inline) TakeBacking() => (Take("backing"), Options.TakeSubtree("backing"));

    /// <summary>The backing node: the one given, or the one that the image's header names; null for none.</summary>
    public async ValueTask<BlockNode?> BackingAsync((string? Reference, OptionTree Inline) given, ImageFormat image, string path)
    {
        if (given.Reference == "")
            return null;
        if (given.Reference == null && image.BackingFileName == null && given.Inline.IsEmpty)
            return null;
        try
        {
            if (given.Reference != null)
                return Graph.Find(given.Reference);
            var options = given.Inline;
            if (image.BackingFileName is { } stored && !NamesFile(options))
                options = FromHeader(stored, path, options);
            if (options.Get("driver") == null && image.BackingFormat is { } format)
                options.Set("driver", format);
            return await OpenAsync(options, BackingDefaults());
        }
        catch (BlockException e)
        {
            throw new BlockException(e.Kind, "Could not open backing file: " + e.Message, e.ErrorNumber, e) { Path = e.Path, Offset = e.Offset };
        }
    }

    public void DemandNothingLeft()
    {
        foreach (var name in Options.Values.Keys)
        {
            var text = Driver!.IsProtocol
                ? $"Block protocol '{Driver.Name}' doesn't support the option '{name}'"
                : $"Block format '{Driver.Name}' does not support the option '{name}'";
            throw new BlockException(BlockErrorKind.Invalid, text);
        }
    }

    /// <summary>Tells the nodes that came to be below this one whom they belong to.</summary>
    public void Finish(BlockNode node)
    {
        DemandNothingLeft();
        foreach (var child in inline)
            child.InheritsFrom = node;
    }

    private void TakePlace()
    {
        if (Sequence == 0)
            Sequence = Graph.NextSequence();
    }

    private async ValueTask<BlockNode> OpenChildAsync(string key, NodeSettings defaults)
    {
        if (Take(key) is { } reference)
            return Graph.Find(reference);
        var given = Options.TakeSubtree(key);
        if (given.IsEmpty)
            throw new BlockException(BlockErrorKind.Invalid, $"A block device must be specified for \"{key}\"");
        return await OpenAsync(given, defaults);
    }

    private async ValueTask<BlockNode> OpenAsync(OptionTree options, NodeSettings defaults)
    {
        var node = await GraphOpener.OpenAsync(Graph, options, defaults, opened, depth + 1);
        inline.Add(node);
        return node;
    }

    private static bool NamesFile(OptionTree options) => options.Values.Keys.Any(k => k.StartsWith("file", StringComparison.Ordinal));

    private OptionTree FromHeader(string stored, string path, OptionTree given)
    {
        var options = OptionsFromHeader(Graph, stored, path);
        foreach (var (key, value) in given.Values)
            options.Set(key, value);
        return options;
    }
}
