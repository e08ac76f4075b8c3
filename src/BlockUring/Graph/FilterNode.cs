using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>A node that shows the disk below it and does something besides. Everything passes through unless a filter says otherwise.</summary>
public abstract class FilterNode : BlockNode
{
    private BlockNode? filtered;

    /// <summary>Makes a filter that has no node below yet.</summary>
    protected FilterNode(string name, string driverName, NodeSettings settings)
        : base(name, driverName, settings)
    {
    }

    /// <inheritdoc/>
    public override bool IsFilter => true;

    /// <summary>The node below.</summary>
    public BlockNode Filtered => filtered ?? throw new InvalidOperationException($"Filter '{Name}' has no node below.");

    /// <inheritdoc/>
    public override long Length => Filtered.Length;

    /// <inheritdoc/>
    public override BufferPool Buffers => Filtered.Buffers;

    /// <inheritdoc/>
    public override int ClusterLength => Filtered.ClusterLength;

    /// <inheritdoc/>
    public override bool RewritesClusters => Filtered.RewritesClusters;

    /// <inheritdoc/>
    public override GuestDisk? Backing => Filtered.Backing;

    /// <inheritdoc/>
    public override bool MayShowBacking => Filtered.MayShowBacking;

    /// <inheritdoc/>
    public override GuestDisk Layer => Filtered.Layer;

    /// <inheritdoc/>
    public override ValueTask ReadAsync(long offset, IoMemory destination) => Filtered.ReadAsync(offset, destination);

    /// <inheritdoc/>
    public override ValueTask FlushAsync() => Filtered.FlushAsync();

    /// <inheritdoc/>
    public override ValueTask<BlockStatus> GetLayerStatusAsync(long offset, long maxLength, bool wantZero = true) =>
        Filtered.GetLayerStatusAsync(offset, maxLength, wantZero);

    /// <inheritdoc/>
    public override ValueTask ResizeAsync(long length, PreallocationMode preallocation) => Filtered.ResizeAsync(length, preallocation);

    internal override void LinksChanged() => filtered = Find(LinkRole.Filtered)?.Node;

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(long offset, IoMemory source, WriteFlags flags) => Filtered.WriteAsync(offset, source, flags);

    /// <inheritdoc/>
    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, WriteFlags flags) =>
        Filtered.WriteZeroesAsync(offset, length, flags);

    /// <inheritdoc/>
    protected override ValueTask DiscardCoreAsync(long offset, long length) => Filtered.DiscardAsync(offset, length);

    /// <inheritdoc/>
    protected override ValueTask WriteCompressedCoreAsync(long offset, IoMemory compressed) =>
        Filtered.WriteCompressedAsync(offset, compressed);
}
