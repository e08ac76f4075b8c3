using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>A node seen as a file, for the format above it.</summary>
internal sealed class NodeFile : BlockFile
{
    private readonly BlockNode node;
    private readonly BlockLimits? limits;

    /// <param name="node">The node.</param>
    /// <param name="limits">Its own; null for those of the nodes below.</param>
    public NodeFile(BlockNode node, BlockLimits? limits = null)
    {
        this.node = node;
        this.limits = limits;
    }

    public override string Path => node.FileName;

    public override long Length => node.Length;

    public override bool IsReadOnly => node.IsReadOnly;

    public override BlockLimits Limits => limits ?? node.Primary?.Node.File.Limits ?? new BlockLimits(1, 1);

    public override BufferPool Buffers => node.Buffers;

    public override bool CanGrow => node.Primary?.Node.File.CanGrow ?? false;

    public override long AllocatedBytes => node.Primary?.Node.File.AllocatedBytes ?? 0;

    public override ValueTask ReadAsync(long offset, IoMemory destination) => node.ReadAsync(offset, destination);

    public override ValueTask WriteAsync(long offset, IoMemory source) => node.WriteAsync(offset, source);

    public override ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap) =>
        node.WriteZeroesAsync(offset, length, mayUnmap ? WriteFlags.MayUnmap : WriteFlags.None);

    public override ValueTask DiscardAsync(long offset, long length) => node.DiscardAsync(offset, length);

    public override ValueTask FlushAsync() => node.FlushAsync();

    public override ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off) =>
        node.ResizeAsync(length, preallocation);

    public override async ValueTask<FileExtent> GetExtentAsync(long offset, long maxLength)
    {
        if (offset >= node.Length)
            return new FileExtent(maxLength, true);
        var status = await node.GetStatusAsync(offset, maxLength);
        return new FileExtent(status.Length, status.IsZero);
    }
}
