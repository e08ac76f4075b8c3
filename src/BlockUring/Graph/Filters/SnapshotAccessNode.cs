using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>Shows, read-only, what the disk held when the copy-before-write filter below was put in. A discard says that a range was read.</summary>
internal sealed class SnapshotAccessNode : BlockNode
{
    public SnapshotAccessNode(string name, NodeSettings settings)
        : base(name, "snapshot-access", settings)
    {
    }

    public override long Length => Primary!.Node.Length;

    public override BufferPool Buffers => Primary!.Node.Buffers;

    // Any node may be below, as in QEMU, and change; only this kind has a snapshot.
    private CopyBeforeWriteNode Below => Primary!.Node as CopyBeforeWriteNode ?? throw NotSupported($"Node '{Primary.Node.Name}' has no snapshot");

    public override ValueTask ReadAsync(long offset, IoMemory destination) => Below.ReadSnapshotAsync(offset, destination);

    public override ValueTask<BlockStatus> GetLayerStatusAsync(long offset, long maxLength, bool wantZero = true) =>
        Below.GetSnapshotStatusAsync(offset, Math.Min(maxLength, Length - offset));

    public override ValueTask FlushAsync() => ValueTask.CompletedTask;

    public override ValueTask ResizeAsync(long length, PreallocationMode preallocation) => throw ReadOnly();

    public override (ImagePermissions Needed, ImagePermissions Shared) PermissionsFor(
        NodeLink link, ImagePermissions needed, ImagePermissions shared) =>
        (ImagePermissions.None, NodeLink.AllPermissions & ~ImagePermissions.Resize);

    protected override ValueTask WriteCoreAsync(long offset, IoMemory source, WriteFlags flags) => throw ReadOnly();

    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, WriteFlags flags) => throw ReadOnly();

    protected override ValueTask WriteCompressedCoreAsync(long offset, IoMemory compressed) => throw ReadOnly();

    protected override ValueTask DiscardCoreAsync(long offset, long length) => Below.Copy.ForgetAsync(offset, length);

    private static BlockException ReadOnly() => NotSupported("A snapshot cannot be written to");

    private static BlockException NotSupported(string message) => new(BlockErrorKind.Unsupported, message, Native.Interop.Errno.EOPNOTSUPP);
}
