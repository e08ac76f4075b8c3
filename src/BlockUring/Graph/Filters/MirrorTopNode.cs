using BlockUring.Copy;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>
/// Stands above a disk that is being mirrored: what the guest writes goes to the target too where that is wanted. A mirror, and the commit of an
/// active layer, which is a mirror onto a node of the disk's own backing chain.
/// </summary>
public sealed class MirrorTopNode : FilterNode
{
    private const ImagePermissions Writing = ImagePermissions.Write | ImagePermissions.Resize;

    private readonly BlockNode observed;
    private readonly bool isCommit;

    /// <summary>Makes a filter with its links; writes of the source are entered in the copy from now on, past the filter or not.</summary>
    /// <param name="name">Unique in the graph.</param>
    /// <param name="settings">The options that every node has.</param>
    /// <param name="copy">Reads the source and writes the target.</param>
    /// <param name="source">What is mirrored.</param>
    /// <param name="target">Where to.</param>
    /// <param name="isCommit">Whether the target is below the source.</param>
    public MirrorTopNode(string name, NodeSettings settings, MirrorCopy copy, BlockNode source, BlockNode target, bool isCommit)
        : base(name, "mirror_top", settings)
    {
        Copy = copy;
        Writer = new MirrorWriter(copy);
        this.isCommit = isCommit;
        AddChild("backing", LinkRole.Filtered, source);
        AddChild("target", LinkRole.Target, target);
        // Why there: whatever filters the source consists of, what is written to the disk arrives there, past them and this one, too.
        observed = NodeChain.SkipFilters(source);
        observed.Observers.Written += copy.NoteWritten;
    }

    /// <summary>What the target lacks, and how it gets there.</summary>
    public MirrorCopy Copy { get; }

    /// <summary>What the guest's writes pass.</summary>
    public MirrorWriter Writer { get; }

    /// <summary>Whether the target is to be made longer.</summary>
    public bool GrowsTarget { get; init; }

    /// <inheritdoc/>
    public override (ImagePermissions Needed, ImagePermissions Shared) PermissionsFor(
        NodeLink link, ImagePermissions needed, ImagePermissions shared)
    {
        if (Copy.IsStopped)
            return (ImagePermissions.None, NodeLink.AllPermissions);
        if (link.Role == LinkRole.Target)
            return (GrowsTarget ? Writing : ImagePermissions.Write, NodeLink.AllPermissions & ~Writing);
        (needed, shared) = base.PermissionsFor(link, needed, shared);
        // Why: what is between the layers and the target cannot be read by itself any more, and the target is written below this very chain.
        return isCommit ? (needed & ~ImagePermissions.ConsistentRead, shared | ImagePermissions.Write) : (needed, shared);
    }

    /// <inheritdoc/>
    public override ValueTask ResizeAsync(long length, PreallocationMode preallocation) =>
        throw new BlockException(BlockErrorKind.Unsupported, $"Node '{Name}' keeps two disks equal and cannot change their length");

    /// <summary>The target stays as it is from now on. Nobody may be writing the disk.</summary>
    internal void Stop()
    {
        if (Copy.IsStopped)
            return;
        Copy.Stop();
        Writer.WritesThrough = false;
        observed.Observers.Written -= Copy.NoteWritten;
    }

    internal override async ValueTask CloseAsync()
    {
        Stop();
        await Copy.WaitUntilQuietAsync();
        Copy.Dispose();
    }

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(long offset, IoMemory source, WriteFlags flags) => Writer.WriteAsync(Filtered, offset, source, flags);

    /// <inheritdoc/>
    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, WriteFlags flags) =>
        Writer.WriteZeroesAsync(Filtered, offset, length, flags);

    /// <inheritdoc/>
    protected override ValueTask DiscardCoreAsync(long offset, long length) => Writer.DiscardAsync(Filtered, offset, length);
}
