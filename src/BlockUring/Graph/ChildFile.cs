using BlockUring.Graph.Filters;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>The file that a format works on: whatever node its link leads to at the moment. Closing it closes nothing: the graph does.</summary>
internal sealed class ChildFile : BlockFile
{
    private BlockFile file;
    private BlkdebugNode? debugged;

    public ChildFile(BlockNode node) => (file, debugged) = (node.File, node as BlkdebugNode);

    /// <summary>The file in use.</summary>
    public override BlockFile Underlying => file.Underlying;

    public override string Path => file.Path;

    public override long Length => file.Length;

    public override bool IsReadOnly => file.IsReadOnly;

    public override BlockLimits Limits => file.Limits;

    public override BufferPool Buffers => file.Buffers;

    public override bool IsFresh => file.IsFresh;

    public override bool CanGrow => file.CanGrow;

    public override long AllocatedBytes => file.AllocatedBytes;

    /// <summary>Uses another node from now on, or the same one that was reopened; no request is in flight.</summary>
    public void Retarget(BlockNode node) => (file, debugged) = (node.File, node as BlkdebugNode);

    public override void Announce(string step) => debugged?.Fire(step);

    public override ValueTask ReadAsync(long offset, IoMemory destination) => file.ReadAsync(offset, destination);

    public override ValueTask WriteAsync(long offset, IoMemory source) => file.WriteAsync(offset, source);

    public override ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap) => file.WriteZeroesAsync(offset, length, mayUnmap);

    public override ValueTask DiscardAsync(long offset, long length) => file.DiscardAsync(offset, length);

    public override ValueTask FlushAsync() => file.FlushAsync();

    public override ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off) =>
        file.SetLengthAsync(length, preallocation);

    public override ValueTask<FileExtent> GetExtentAsync(long offset, long maxLength) => file.GetExtentAsync(offset, maxLength);

    public override ValueTask<bool> TryCopyRangeAsync(BlockFile source, long sourceOffset, long targetOffset, long length) =>
        file.TryCopyRangeAsync(source, sourceOffset, targetOffset, length);
}
