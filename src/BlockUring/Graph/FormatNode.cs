using BlockUring.Graph.Debugging;
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
        SettingsChanged();
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
    public override bool MayShowBacking => Image.MayShowBacking;

    /// <inheritdoc/>
    public override ValueTask ReadAsync(long offset, IoMemory destination)
    {
        mainFile.Announce(DebugEvents.ReadAio);
        return Image.ReadAsync(offset, destination);
    }

    /// <inheritdoc/>
    public override ValueTask FlushAsync()
    {
        mainFile.Announce(DebugEvents.FlushToOs);
        mainFile.Announce(DebugEvents.FlushToDisk);
        return IsReadOnly ? ValueTask.CompletedTask : Image.FlushAsync();
    }

    /// <inheritdoc/>
    public override ValueTask<BlockStatus> GetLayerStatusAsync(long offset, long maxLength, bool wantZero = true) =>
        Image.GetLayerStatusAsync(offset, maxLength, wantZero);

    /// <inheritdoc/>
    public override ValueTask ResizeAsync(long length, PreallocationMode preallocation) => Image.ResizeAsync(length, preallocation);

    internal override Action? PlanReopen(BlockGraph graph, OptionTree options)
    {
        Image.Format.DemandOptions(options.Clone());
        return null;
    }

    // What the guest discards reaches the file only where both nodes are told so; the file's decides for itself.
    internal override void SettingsChanged() => Image.Format.PassesDiscards = Settings.Unmap;

    internal override void LinksChanged()
    {
        Image.SetBacking(BackingLink?.Node);
        if (Primary is { } main)
            mainFile.Retarget(main.Node);
        if (Find(LinkRole.Data) is { } data)
            dataFile?.Retarget(data.Node);
    }

    internal override async ValueTask CloseAsync()
    {
        try
        {
            if (!IsReadOnly && !mainFile.IsReadOnly)
                await Image.FlushAsync();
        }
        finally
        {
            await Image.Format.DisposeAsync();
        }
    }

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(long offset, IoMemory source, WriteFlags flags)
    {
        mainFile.Announce(DebugEvents.WriteAio);
        return Image.WriteAsync(offset, source, flags);
    }

    /// <inheritdoc/>
    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, WriteFlags flags) =>
        Image.WriteZeroesAsync(offset, length, flags);

    /// <inheritdoc/>
    protected override ValueTask DiscardCoreAsync(long offset, long length) => Image.DiscardAsync(offset, length);

    /// <inheritdoc/>
    protected override ValueTask WriteCompressedCoreAsync(long offset, IoMemory compressed) => Image.WriteCompressedAsync(offset, compressed);
}
