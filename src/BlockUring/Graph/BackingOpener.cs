using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>Opens the backing file that an open image's header names, for an image that was opened without.</summary>
public static class BackingOpener
{
    /// <summary>Opens it, and links it. It goes with its last user. Nothing happens where the header names none.</summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="overlay">Without a backing node.</param>
    /// <exception cref="BlockException">Why not; nothing has changed.</exception>
    public static async ValueTask OpenAsync(BlockGraph graph, FormatNode overlay)
    {
        if (overlay.Image.Format.BackingFileName is not { } name)
            return;
        try
        {
            var options = NodeOpening.OptionsFromHeader(graph, name, overlay.FileName);
            if (options.Get("driver") == null && overlay.Image.Format.BackingFormat is { } format)
                options.Set("driver", format);
            var backing = await GraphOpener.OpenAsync(graph, options, NodeOpening.BackingDefaults(overlay.Settings));
            await LinkAsync(graph, overlay, backing);
        }
        catch (BlockException e)
        {
            throw new BlockException(e.Kind, "Could not open backing file: " + e.Message, e.ErrorNumber, e) { Path = e.Path, Offset = e.Offset };
        }
    }

    private static async ValueTask LinkAsync(BlockGraph graph, FormatNode overlay, BlockNode backing)
    {
        try
        {
            await GraphEditor.SetBackingAsync(graph, overlay, backing);
        }
        catch
        {
            await graph.CloseIfUnusedAsync(backing);
            throw;
        }
    }
}
