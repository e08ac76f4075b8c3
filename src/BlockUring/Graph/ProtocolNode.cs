using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>A node over a file: one of the host ("file", "host_device"), or one behind a protocol.</summary>
internal sealed class ProtocolNode : BlockNode
{
    private readonly Func<FileOpenOptions, ValueTask<BlockFile>> open;
    private FileOpenOptions options;
    private BlockFile file;
    private ProtocolFile? above;

    private ProtocolNode(
        string name,
        string driverName,
        NodeSettings settings,
        Func<FileOpenOptions, ValueTask<BlockFile>> open,
        BlockFile file,
        FileOpenOptions options)
        : base(name, driverName, settings)
    {
        this.open = open;
        this.file = file;
        this.options = options;
    }

    public override string FileName => file.Path;

    public override BlockFile File => above ??= new ProtocolFile(this);

    /// <summary>The open file itself.</summary>
    public BlockFile HostFile => file;

    public override bool IsReadOnly => file.IsReadOnly;

    public override long Length => file.Length;

    public override BufferPool Buffers => file.Buffers;

    /// <summary>Opens the file; for reading where writing is not possible and the settings allow that.</summary>
    public static async ValueTask<ProtocolNode> OpenAsync(
        string name, string driverName, NodeSettings settings, Func<FileOpenOptions, ValueTask<BlockFile>> open, bool locking = true)
    {
        var options = OptionsFor(settings, locking);
        var file = await OpenFileAsync(open, options, settings);
        return new ProtocolNode(name, driverName, settings, open, file, options);
    }

    /// <summary>Opens the file anew with other settings; the old one serves until <see cref="Adopt"/>.</summary>
    public async ValueTask<BlockFile> PrepareReopenAsync(NodeSettings settings) =>
        await OpenFileAsync(open, OptionsFor(settings, options.Locking), settings);

    /// <summary>Takes the file that was opened anew into use. The caller closes the old one and tells those above.</summary>
    /// <returns>The old file.</returns>
    public BlockFile Adopt(BlockFile reopened, NodeSettings settings)
    {
        // Why: locks belong to an open file, and the two would keep each other out. What is needed is worked out again before anybody goes on.
        file.SetPermissions(ImagePermissions.None, NodeLink.AllPermissions);
        Applied = (ImagePermissions.None, NodeLink.AllPermissions);
        var old = file;
        file = reopened;
        options = OptionsFor(settings, options.Locking);
        Settings = settings;
        foreach (var link in Parents)
            (link.Owner as BlockNode)?.LinksChanged();
        return old;
    }

    public override ValueTask ReadAsync(long offset, IoMemory destination) => file.ReadAsync(offset, destination);

    public override ValueTask FlushAsync() => file.FlushAsync();

    public override async ValueTask<BlockStatus> GetLayerStatusAsync(long offset, long maxLength, bool wantZero = true)
    {
        var extent = await file.GetExtentAsync(offset, Math.Min(maxLength, Length - offset));
        return new(extent.Length, extent.IsData, extent.IsHole, true, File: file, HostOffset: offset);
    }

    public override ValueTask ResizeAsync(long length, PreallocationMode preallocation) => file.SetLengthAsync(length, preallocation);

    public override bool DependsOnPeer => file.DependsOnPeer;

    public override void CancelInFlight() => file.CancelInFlight();

    internal override ValueTask CloseAsync() => file.DisposeAsync();

    internal override void ApplyPermissions(ImagePermissions needed, ImagePermissions shared) =>
        file.SetPermissions(needed, Settings.ForceShare ? NodeLink.AllPermissions : shared);

    protected override ValueTask WriteCoreAsync(long offset, IoMemory source, WriteFlags flags) => file.WriteAsync(offset, source);

    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, WriteFlags flags) =>
        file.WriteZeroesAsync(offset, length, (flags & WriteFlags.MayUnmap) != 0);

    protected override ValueTask DiscardCoreAsync(long offset, long length) => file.DiscardAsync(offset, length);

    protected override ValueTask WriteCompressedCoreAsync(long offset, IoMemory compressed) =>
        throw new BlockException(BlockErrorKind.Unsupported, $"Compression is not supported for this drive {Name}");

    private static FileOpenOptions OptionsFor(NodeSettings settings, bool locking) =>
        new(settings.ReadOnly, new CacheMode("custom", settings.Direct, settings.NoFlush, false), settings.ForceShare)
        {
            Locking = locking,
            LocksFollowUse = locking,
        };

    private static async ValueTask<BlockFile> OpenFileAsync(
        Func<FileOpenOptions, ValueTask<BlockFile>> open, FileOpenOptions options, NodeSettings settings)
    {
        try
        {
            return await open(options);
        }
        catch (BlockException e) when (e.Kind == BlockErrorKind.Access && settings.AutoReadOnly && !options.ReadOnly)
        {
            return await open(options with { ReadOnly = true });
        }
    }
}
