using BlockUring.Images;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>
/// Takes the nodes between overlays and a node further down out of their chains, when that node shows the same as they do: links and headers,
/// of all overlays or of none.
/// </summary>
/// <remarks>A crash in between is harmless: an overlay's header names either of two files that show it the same.</remarks>
public sealed class BackingMove
{
    private readonly BlockGraph graph;
    private readonly BlockNode from;
    private readonly BlockNode to;
    private readonly FormatNode[] overlays;
    private readonly Stack<(FormatNode Overlay, string? Name, string? Format)> changed = new();
    private NodeLink[] moved = [];

    private BackingMove(BlockGraph graph, BlockNode from, BlockNode to)
    {
        this.graph = graph;
        this.from = from;
        this.to = to;
        overlays = [.. NodeChain.OverlaysOf(from)];
    }

    /// <summary>
    /// Whoever uses <paramref name="from"/> uses <paramref name="to"/> from then on. What nobody uses any more is closed, unless it was made by name.
    /// </summary>
    /// <param name="graph">Where; the caller holds its change.</param>
    /// <param name="from">A node over which there are overlays.</param>
    /// <param name="to">A node in the chain below it that shows the same as far as <paramref name="from"/> reaches, on the storage too.</param>
    /// <param name="name">What the headers name; null for the file name of <paramref name="to"/>.</param>
    /// <exception cref="BlockException">Why not; links and headers are as before.</exception>
    public static async ValueTask RunAsync(BlockGraph graph, BlockNode from, BlockNode to, string? name)
    {
        var move = new BackingMove(graph, from, to);
        using (await graph.DrainAsync(from, to))
        {
            foreach (var overlay in move.overlays)
                await move.HideTailAsync(overlay);
            move.MoveLinks();
            await move.ChangeHeadersAsync(name);
            move.Inherit();
        }

        await move.CloseAsync();
    }

    // An overlay that is longer than the node it stood on reads as zeroes there, where the other node may have something.
    private async ValueTask HideTailAsync(FormatNode overlay)
    {
        var end = Math.Min(overlay.Length, to.Length);
        if (from.Length >= end)
            return;
        var wasReadOnly = overlay.Settings.ReadOnly;
        await GraphReopener.SetReadOnlyAsync(graph, overlay, readOnly: false);
        try
        {
            await HideAsync(overlay, from.Length, end);
        }
        finally
        {
            await GraphReopener.SetReadOnlyAsync(graph, overlay, wasReadOnly);
        }
    }

    private async ValueTask HideAsync(FormatNode overlay, long offset, long end)
    {
        var link = graph.Attach(
            new DiskUser("an unnamed block device"), overlay, "root", ImagePermissions.WriteUnchanged, NodeLink.AllPermissions);
        try
        {
            while (offset < end)
            {
                var status = await to.GetStatusAsync(offset, end - offset);
                if (!status.IsZero)
                    await overlay.WriteZeroesAsync(offset, status.Length, WriteFlags.Unchanged);
                offset += status.Length;
            }

            await overlay.FlushAsync();
        }
        finally
        {
            graph.Detach(link);
        }
    }

    private void MoveLinks()
    {
        moved = [.. from.Parents.Where(GraphEditor.Follows)];
        GraphEditor.Move(graph, from, to, moved.Contains);
    }

    private async ValueTask ChangeHeadersAsync(string? name)
    {
        // Why not the name of a protocol, which QEMU 7.2 writes: headers name formats, and no tool opens the other.
        var format = NodeChain.SkipFilters(to) is FormatNode image ? image.DriverName : "raw";
        try
        {
            foreach (var overlay in overlays)
            {
                changed.Push((overlay, overlay.Image.Format.BackingFileName, overlay.Image.Format.BackingFormat));
                await BackingName.SetAsync(graph, overlay, name ?? BackingName.NameFrom(overlay.FileName, to.FileName), format);
            }
        }
        catch
        {
            await UndoAsync();
            throw;
        }
    }

    private async ValueTask UndoAsync()
    {
        foreach (var link in moved)
            GraphEditor.Retarget(link, from);
        graph.SolvePermissions();
        while (changed.TryPop(out var one))
        {
            if (one.Overlay.Image.Format.BackingFileName == one.Name && one.Overlay.Image.Format.BackingFormat == one.Format)
                continue;
            try
            {
                await BackingName.SetAsync(graph, one.Overlay, one.Name, one.Format);
            }
            catch (BlockException e)
            {
                graph.Warn($"The backing file of '{one.Overlay.Name}' is named by its header still: {e.Message}");
            }
        }
    }

    // A node that was defined inside those that are left out belongs to whom they belonged to.
    private void Inherit()
    {
        var top = NodeChain.SkipFilters(from);
        for (var heir = to; heir.InheritsFrom is { } above; heir = above)
        {
            if (above == top)
            {
                to.InheritsFrom = top.InheritsFrom;
                return;
            }
        }
    }

    private async ValueTask CloseAsync()
    {
        try
        {
            await graph.CloseIfUnusedAsync(from);
        }
        catch (BlockException e)
        {
            graph.Warn(e.Message);
        }
    }
}
