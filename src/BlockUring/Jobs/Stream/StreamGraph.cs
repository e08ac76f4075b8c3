using BlockUring.Graph;
using BlockUring.Graph.Filters;
using BlockUring.Storage;

namespace BlockUring.Jobs.Stream;

/// <summary>What a stream changes in the graph: the filter and a writable top while it lasts, the link to the base at its end.</summary>
internal sealed class StreamGraph
{
    private readonly BlockGraph graph;
    private readonly StreamRequest request;
    private readonly StreamChain chain;
    private readonly List<BlockNode> reopened = [];
    private CopyOnReadNode? filter;
    private BlockNode? former;

    private StreamGraph(BlockGraph graph, StreamRequest request, StreamChain chain)
    {
        this.graph = graph;
        this.request = request;
        this.chain = chain;
    }

    /// <summary>The filter.</summary>
    public BlockNode Filter => filter!;

    /// <summary>Makes the top writable and puts the filter in.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="request">What is wanted.</param>
    /// <param name="chain">Where that is.</param>
    /// <exception cref="BlockException">Why not; everything is as before.</exception>
    public static async ValueTask<StreamGraph> BeginAsync(BlockGraph graph, StreamRequest request, StreamChain chain)
    {
        var begun = new StreamGraph(graph, request, chain);
        try
        {
            await begun.MakeWritableAsync();
            await begun.InsertFilterAsync();
            return begun;
        }
        catch
        {
            await begun.MakeReadOnlyAsync();
            throw;
        }
    }

    /// <summary>Waits until nobody else changes the graph.</summary>
    public ValueTask<IDisposable> BeginChangeAsync() => graph.BeginChangeAsync();

    /// <summary>Puts the overlay over the base, in the graph and in its header: both or none.</summary>
    /// <param name="user">The job's use of the filter, which ends here.</param>
    /// <param name="shownLength">How far the base could be seen when the overlay was filled, in bytes.</param>
    /// <exception cref="BlockException">Why not; the overlay's backing node is what it was.</exception>
    public async ValueTask FinishAsync(NodeLink user, long shownLength)
    {
        using var change = await graph.BeginChangeAsync();
        var overlay = chain.Overlay;
        if (overlay.BackingLink is not { Node: var backing })
            return;

        // Why here and below again: most of it goes to the disk while guests still work.
        await overlay.FlushAsync();
        graph.Detach(user);
        await RemoveFilterAsync();
        var below = chain.Base;
        if ((below?.Length ?? 0) > shownLength)
            throw new BlockException(BlockErrorKind.Invalid, $"Node '{chain.AboveBase.Name}' has got a longer backing node meanwhile");
        using var section = await graph.DrainAsync(overlay);
        await GraphEditor.SetBackingAsync(graph, overlay, below);
        try
        {
            var (name, format) = StreamBackingName.For(request, overlay, below);

            // It flushes the image before it changes the header, which so never says that the layers are not needed while they are.
            await BackingName.SetAsync(graph, (FormatNode)overlay, name, format);
            former = backing;
            Inherit(below);
        }
        catch
        {
            await GraphEditor.SetBackingAsync(graph, overlay, backing);
            throw;
        }
    }

    /// <summary>Takes back what is not to last. The job uses no node any more.</summary>
    public async ValueTask EndAsync()
    {
        try
        {
            await RemoveFilterAsync();
        }
        catch (BlockException e)
        {
            // It goes with its last user, and does no harm till then.
            graph.Warn($"Node '{filter!.Name}' stays: {e.Message}");
        }

        if (former != null)
            await graph.CloseIfUnusedAsync(former);
        await MakeReadOnlyAsync();
    }

    private async ValueTask InsertFilterAsync()
    {
        var top = chain.Top;
        try
        {
            if (request.FilterName is { } name)
                GraphOpener.DemandName(graph, name);
            var settings = top.Settings with { ReadOnly = false, AutoReadOnly = false, DetectZeroes = DetectZeroes.Off, Unmap = true };
            var node = new CopyOnReadNode(request.FilterName ?? graph.NextAutoName(), settings, chain.Bottom)
            {
                IsImplicit = request.FilterName == null,
                CopiesIfPossible = true,
            };
            node.AddChild("file", LinkRole.Filtered, top);
            node.FreezeChain(isMovable: true);
            await GraphEditor.InsertAsync(graph, node, top);
            filter = node;
        }
        catch (BlockException e)
        {
            throw new BlockException(e.Kind, "Could not create node: " + e.Message, e.ErrorNumber, e);
        }
    }

    // A base that was defined inside one of the layers that go is the overlay's from now on.
    private void Inherit(BlockNode? below)
    {
        for (var heir = below?.InheritsFrom; heir != null; heir = heir.InheritsFrom)
        {
            if (heir == chain.Overlay)
                below!.InheritsFrom = heir;
        }
    }

    private async ValueTask RemoveFilterAsync()
    {
        if (!filter!.IsClosed)
            await GraphEditor.RemoveAsync(graph, filter);
    }

    private async ValueTask MakeWritableAsync()
    {
        foreach (var node in chain.Upper.Reverse())
        {
            if (!node.Settings.ReadOnly)
                continue;
            await GraphReopener.SetReadOnlyAsync(graph, node, readOnly: false);
            reopened.Insert(0, node);
        }
    }

    // Where somebody else writes it by now, it stays writable.
    private async ValueTask MakeReadOnlyAsync()
    {
        foreach (var node in reopened)
        {
            try
            {
                await GraphReopener.SetReadOnlyAsync(graph, node, readOnly: true);
            }
            catch (BlockException e)
            {
                graph.Warn($"Node '{node.Name}' stays writable: {e.Message}");
            }
        }

        reopened.Clear();
    }
}
