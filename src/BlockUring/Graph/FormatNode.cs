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
    public override ValueTask ResizeAsync(long length, PreallocationMode preallocation)
    {
        if (length != Length)
            Image.Format.DemandBitmapsResizable(Bitmaps, length);
        return Image.ResizeAsync(length, preallocation);
    }

    /// <inheritdoc/>
    public override ValueTask PrepareBitmapChangeAsync(bool onlyClears = false) =>
        IsReadOnly ? ValueTask.CompletedTask : Image.Format.PrepareBitmapChangeAsync(onlyClears);

    /// <inheritdoc/>
    public override ValueTask RemoveStoredBitmapAsync(string name) => Image.Format.RemoveBitmapAsync(name);

    /// <inheritdoc/>
    public override void DemandBitmapStorable(string name, long granularity)
    {
        if (!Image.Format.SupportsBacking)
        {
            base.DemandBitmapStorable(name, granularity);
            return;
        }

        Bitmaps.DemandNew(name);
        try
        {
            Image.Format.DemandBitmapStorable(Bitmaps, name, granularity);
            if (IsReadOnly)
                throw new BlockException(BlockErrorKind.Access, "Block node is read-only");
        }
        catch (BlockException e)
        {
            throw new BlockException(e.Kind, $"Can't make bitmap '{name}' persistent in '{Name}': {e.Message}", e.ErrorNumber, e);
        }
    }

    /// <summary>Adds the bitmaps that the image holds; once, after opening.</summary>
    internal ValueTask LoadBitmapsAsync() => Image.Format.LoadBitmapsAsync(Bitmaps, !IsReadOnly);

    internal override async ValueTask BecomeReadOnlyAsync()
    {
        await FlushAsync();
        await StoreBitmapsAsync("Failed to make dirty bitmaps readonly: ");
    }

    internal override Action? PlanReopen(BlockGraph graph, OptionTree options)
    {
        Image.Format.DemandOptions(options.Clone());
        return null;
    }

    // What the guest discards reaches the file only where both nodes are told so; the file's decides for itself.
    internal override void SettingsChanged()
    {
        Image.Format.PassesDiscards = Settings.Unmap;
        foreach (var bitmap in Bitmaps.Where(b => b is { IsPersistent: true, IsInconsistent: false }))
            bitmap.IsReadOnly = IsReadOnly;
    }

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
            if (!IsReadOnly && !mainFile.IsReadOnly && !Image.Format.TakesNoWrites)
            {
                await Image.FlushAsync();
                await StoreBitmapsAsync($"Lost persistent bitmaps during inactivation of node '{Name}': ");
            }
        }
        finally
        {
            await Image.Format.DisposeAsync();
        }
    }

    private async ValueTask StoreBitmapsAsync(string failure)
    {
        try
        {
            await Image.Format.StoreBitmapsAsync(Bitmaps);
        }
        catch (BlockException e)
        {
            throw new BlockException(e.Kind, failure + e.Message, e.ErrorNumber, e);
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
