using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>
/// A protocol node's file, as the format above has it: straight to the open file, but for writes that the node has something to do about.
/// </summary>
internal sealed class ProtocolFile : BlockFile
{
    private readonly ProtocolNode node;

    public ProtocolFile(ProtocolNode node) => this.node = node;

    public override BlockFile Underlying => node.HostFile.Underlying;

    public override string Path => node.HostFile.Path;

    public override long Length => node.HostFile.Length;

    public override bool IsReadOnly => node.HostFile.IsReadOnly;

    public override BlockLimits Limits => node.HostFile.Limits;

    public override BufferPool Buffers => node.HostFile.Buffers;

    public override bool IsFresh => node.HostFile.IsFresh;

    public override bool CanGrow => node.HostFile.CanGrow;

    public override long AllocatedBytes => node.HostFile.AllocatedBytes;

    private bool IsPlain => node.Observers.IsIdle && node.Settings.DetectZeroes == DetectZeroes.Off;

    public override ValueTask ReadAsync(long offset, IoMemory destination) => node.HostFile.ReadAsync(offset, destination);

    public override ValueTask WriteAsync(long offset, IoMemory source) => node.WriteAsync(offset, source);

    public override ValueTask WriteZeroesAsync(long offset, long length, bool mayUnmap) =>
        node.WriteZeroesAsync(offset, length, mayUnmap ? Images.WriteFlags.MayUnmap : Images.WriteFlags.None);

    public override ValueTask DiscardAsync(long offset, long length) => node.DiscardAsync(offset, length);

    public override ValueTask FlushAsync() => node.HostFile.FlushAsync();

    public override ValueTask SetLengthAsync(long length, PreallocationMode preallocation = PreallocationMode.Off) =>
        node.HostFile.SetLengthAsync(length, preallocation);

    public override ValueTask<FileExtent> GetExtentAsync(long offset, long maxLength) => node.HostFile.GetExtentAsync(offset, maxLength);

    public override ValueTask<bool> TryCopyRangeAsync(BlockFile source, long sourceOffset, long targetOffset, long length) => IsPlain
        ? node.HostFile.TryCopyRangeAsync(source, sourceOffset, targetOffset, length)
        : new ValueTask<bool>(false);
}
