using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>An overlay that has taken a node's place, and may still be taken off again (a transaction).</summary>
public sealed class OverlayChange
{
    private readonly BlockGraph graph;
    private readonly BlockNode below;
    private readonly BlockNode overlay;
    private readonly IReadOnlyList<NodeLink> moved;

    private OverlayChange(BlockGraph graph, BlockNode below, BlockNode overlay, IReadOnlyList<NodeLink> moved)
    {
        this.graph = graph;
        this.below = below;
        this.overlay = overlay;
        this.moved = moved;
    }

    /// <summary>Puts an overlay above a node, whose content is on the storage then.</summary>
    /// <param name="graph">Where; the caller holds its change, here and in what follows.</param>
    /// <param name="below">The node.</param>
    /// <param name="overlay">A node without a backing node. Closed by <see cref="UndoAsync"/>, and by a failure, unless it was made by name.</param>
    /// <exception cref="BlockException">Why not; nothing has changed.</exception>
    public static async ValueTask<OverlayChange> PutAsync(BlockGraph graph, BlockNode below, BlockNode overlay)
    {
        try
        {
            DemandFits(overlay);
            if (!below.IsReadOnly)
                await below.FlushAsync();
            return new OverlayChange(graph, below, overlay, await GraphEditor.PutOverlayAsync(graph, overlay, below));
        }
        catch
        {
            await graph.CloseIfUnusedAsync(overlay);
            throw;
        }
    }

    /// <summary>The node below is not written to any more. Where that cannot be, it stays as it is: permissions keep writers away.</summary>
    public async ValueTask CommitAsync()
    {
        // Why: nobody would hold an overlay whose users are to come; QEMU 7.2 forgets it at once.
        if (overlay.Parents.Count == 0)
            overlay.IsMonitorOwned = true;
        try
        {
            await GraphReopener.SetReadOnlyAsync(graph, below, readOnly: true);
        }
        catch (BlockException)
        {
            // The overlay is in place.
        }
    }

    /// <summary>Takes the overlay off again.</summary>
    public async ValueTask UndoAsync()
    {
        await GraphEditor.TakeOverlayOffAsync(graph, overlay, moved);
        await graph.CloseIfUnusedAsync(overlay);
    }

    private static void DemandFits(BlockNode overlay)
    {
        if (overlay.IsFilter)
            throw new BlockException(BlockErrorKind.Invalid, "Filters cannot be used as overlays");
        if (overlay is not FormatNode { Image.Format.SupportsBacking: true })
            throw new BlockException(BlockErrorKind.Invalid, "The overlay does not support backing images");
        if (overlay.BackingLink != null && !overlay.IsClosed)
            throw new BlockException(BlockErrorKind.Invalid, "The overlay already has a backing image");
    }
}
