using System.Runtime.CompilerServices;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>
/// Writes what it has read from the layers below into the top layer, in whole clusters, so that it is never read from there again. What the
/// top layer holds already costs a look at its tables.
/// </summary>
/// <remarks>
/// The copies are written as <see cref="WriteFlags.Unchanged"/>: the image takes them only where it still holds nothing, under the lock that
/// orders its own allocating writes. Whatever a guest writes meanwhile, through this node or past it, is therefore never undone.
/// </remarks>
public sealed class CopyOnReadNode : FilterNode
{
    private const int MaxChunk = 1 << 20;

    private readonly BlockNode? bottom;
    private readonly List<NodeLink> frozen = [];

    /// <summary>Makes a filter; the caller adds its "file" link, and then calls <see cref="FreezeChain"/>.</summary>
    /// <param name="name">Unique in the graph.</param>
    /// <param name="settings">The options that every node has.</param>
    /// <param name="bottom">The last layer whose data is copied, no filter; null for all.</param>
    public CopyOnReadNode(string name, NodeSettings settings, BlockNode? bottom)
        : base(name, "copy-on-read", settings) => this.bottom = bottom;

    /// <summary>The last layer whose data is copied; null for all.</summary>
    public BlockNode? Bottom => bottom;

    /// <summary>
    /// Whether a read that cannot be copied succeeds nevertheless: for whoever sees to it by other means that all is copied, so that those above do
    /// not suffer from a disk that is full.
    /// </summary>
    public bool CopiesIfPossible { get; init; }

    /// <summary>Keeps the links down to <see cref="Bottom"/> as they are until the filter is closed.</summary>
    /// <param name="isMovable">Whether another filter may come between this one and the node below it.</param>
    /// <exception cref="InvalidOperationException">The chain does not lead there.</exception>
    public void FreezeChain(bool isMovable = false)
    {
        if (bottom == null)
            return;
        for (var node = isMovable ? Filtered : this; node != bottom; node = frozen[^1].Node)
        {
            var link = LinkBelow(node) ?? throw new InvalidOperationException($"'{bottom.Name}' is not below '{Name}'.");
            link.Freeze(Description);
            frozen.Add(link);
        }
    }

    /// <inheritdoc/>
    public override (ImagePermissions Needed, ImagePermissions Shared) PermissionsFor(
        NodeLink link, ImagePermissions needed, ImagePermissions shared) =>
        base.PermissionsFor(link, needed | ImagePermissions.WriteUnchanged, shared);

    /// <inheritdoc/>
    public override ValueTask ReadAsync(long offset, IoMemory destination)
    {
        if (Layer.Backing == null || destination.Length == 0 || offset + destination.Length > Length)
            return Filtered.ReadAsync(offset, destination);
        var top = Layer.GetLayerStatusAsync(offset, destination.Length, false);
        if (!top.IsCompletedSuccessfully)
            return ReadLaterAsync(top, offset, destination);
        var status = top.Result;
        return status.IsAllocated && status.Length >= destination.Length
            ? Filtered.ReadAsync(offset, destination)
            : ReadPiecesAsync(offset, destination);
    }

    internal static NodeLink? LinkBelow(BlockNode node) => node.IsFilter ? node.Primary : node.BackingLink;

    internal override ValueTask CloseAsync()
    {
        foreach (var link in frozen)
            link.Unfreeze(Description);
        frozen.Clear();
        return ValueTask.CompletedTask;
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadLaterAsync(ValueTask<BlockStatus> pending, long offset, IoMemory destination)
    {
        var status = await pending;
        if (status.IsAllocated && status.Length >= destination.Length)
            await Filtered.ReadAsync(offset, destination);
        else
            await ReadPiecesAsync(offset, destination);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadPiecesAsync(long offset, IoMemory destination)
    {
        while (destination.Length > 0)
        {
            var (length, isBelow) = await LookAsync(offset, Math.Min(destination.Length, MaxChunk));
            var part = destination.Slice(0, (int)length);
            if (isBelow)
                await ReadAndCopyAsync(offset, part);
            else
                await Filtered.ReadAsync(offset, part);
            offset += length;
            destination = destination.Slice((int)length);
        }
    }

    // Whether the run at offset is to be copied: the top layer does not hold it, and one down to the bottom does, or ends before it and so
    // hides those below.
    private async ValueTask<(long Length, bool IsBelow)> LookAsync(long offset, long maxLength)
    {
        var layer = Layer;
        var last = bottom?.Layer;
        var status = await layer.GetLayerStatusAsync(offset, maxLength, false);
        if (status.IsAllocated || layer.Backing == null)
            return (status.Length, false);
        if (last == null)
            return (status.Length, true);
        while (layer != last && layer.Backing is { } below)
        {
            if (offset >= below.Length)
                return (status.Length, true);
            layer = below.Layer;
            status = await layer.GetLayerStatusAsync(offset, status.Length, false);
            if (status.IsAllocated)
                return (status.Length, true);
        }

        return (status.Length, false);
    }

    private async ValueTask ReadAndCopyAsync(long offset, IoMemory destination)
    {
        try
        {
            await ReadAndFillAsync(offset, destination);
        }
        catch (Exception e) when (CopiesIfPossible && e is BlockException or InsufficientMemoryException)
        {
            await Filtered.ReadAsync(offset, destination);
        }
    }

    private async ValueTask ReadAndFillAsync(long offset, IoMemory destination)
    {
        long cluster = Math.Max(1, ClusterLength);
        var start = offset & -cluster;
        var length = Math.Min((offset + destination.Length + cluster - 1) & -cluster, Length) - start;
        if (start == offset && length == destination.Length)
        {
            await Filtered.ReadAsync(offset, destination);
            await FillAsync(offset, destination);
            return;
        }

        using var buffer = Buffers.Rent((int)length);
        var whole = buffer.Memory.Slice(0, (int)length);
        await Filtered.ReadAsync(start, whole);
        whole.Slice((int)(offset - start), destination.Length).Span.CopyTo(destination.Span);
        await FillAsync(start, whole);
    }

    private ValueTask FillAsync(long offset, IoMemory data) => ZeroDetector.IsZero(data.Span)
        ? Filtered.WriteZeroesAsync(offset, data.Length, WriteFlags.Unchanged)
        : Filtered.WriteAsync(offset, data, WriteFlags.Unchanged);
}
