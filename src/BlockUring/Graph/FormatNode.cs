using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>A node over an open image ("raw", "qcow2"): links to its file, and to its backing and data nodes where there are such.</summary>
public sealed class FormatNode : BlockNode
{
    private readonly ChildFile mainFile;
    private readonly ChildFile? dataFile;

    internal FormatNode(string name, NodeSettings settings, Image image, ChildFile mainFile, ChildFile? dataFile)
        : base(name, image.Format.Name, settings)
    {
        Image = image;
        this.mainFile = mainFile;
        this.dataFile = dataFile;
    }

    /// <summary>The open image. Its backing disk is the backing node.</summary>
    public Image Image { get; }

    /// <inheritdoc/>
    public override long Length => Image.Length;

    /// <inheritdoc/>
    public override BufferPool Buffers => Image.Buffers;

    /// <inheritdoc/>
    public override int ClusterLength => Image.ClusterLength;

    /// <inheritdoc/>
    public override GuestDisk? Backing => Image.Backing;

    /// <inheritdoc/>
    public override ValueTask ReadAsync(long offset, IoMemory destination) => Image.ReadAsync(offset, destination);

    /// <inheritdoc/>
    public override ValueTask FlushAsync() => IsReadOnly ? ValueTask.CompletedTask : Image.FlushAsync();

    /// <inheritdoc/>
    public override ValueTask<BlockStatus> GetLayerStatusAsync(long offset, long maxLength, bool wantZero = true) =>
        Image.GetLayerStatusAsync(offset, maxLength, wantZero);

    /// <inheritdoc/>
    public override ValueTask ResizeAsync(long length, PreallocationMode preallocation) => Image.ResizeAsync(length, preallocation);

    /// <inheritdoc/>
    public override (ImagePermissions Needed, ImagePermissions Shared) PermissionsFor(
        NodeLink link, ImagePermissions needed, ImagePermissions shared) =>
        link.Role == LinkRole.Storage && !Image.Format.SupportsBacking
            ? PermissionRules.ForRole(this, LinkRole.Filtered, needed, shared)
            : base.PermissionsFor(link, needed, shared);

    internal override void LinksChanged()
    {
        Image.SetBacking(BackingLink?.Node);
        if (Find(LinkRole.Storage) is { } main)
            mainFile.Retarget(main.Node);
        if (Find(LinkRole.Data) is { } data)
            dataFile?.Retarget(data.Node);
    }

    internal override async ValueTask CloseAsync()
    {
        if (!IsReadOnly && !mainFile.IsReadOnly)
            await Image.FlushAsync();
        await Image.Format.DisposeAsync();
    }

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(long offset, IoMemory source, WriteFlags flags) => Image.WriteAsync(offset, source, flags);

    /// <inheritdoc/>
    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, WriteFlags flags) =>
        Image.WriteZeroesAsync(offset, length, flags);

    /// <inheritdoc/>
    protected override ValueTask DiscardCoreAsync(long offset, long length) => Image.DiscardAsync(offset, length);

    /// <inheritdoc/>
    protected override ValueTask WriteCompressedCoreAsync(long offset, IoMemory compressed) => Image.WriteCompressedAsync(offset, compressed);
}
