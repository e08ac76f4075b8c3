using System.Runtime.CompilerServices;
using BlockUring.Bitmaps;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Graph;

/// <summary>
/// A node of the block graph: a protocol, a format or a filter, with links to the nodes below it. Data passes from node to node without any
/// layer of its own; what a node does besides (bitmaps, zero detection, thresholds) costs only where it is asked for.
/// </summary>
/// <remarks>All members are called on the graph's thread.</remarks>
public abstract class BlockNode : GuestDisk, ILinkOwner
{
    private readonly List<NodeLink> children = [];
    private readonly List<NodeLink> parents = [];
    private NodeSettings settings;
    private NodeFile? file;

    /// <summary>Makes a node that is not in any graph yet.</summary>
    /// <param name="name">Unique in the graph.</param>
    /// <param name="driverName">As QMP names it.</param>
    /// <param name="settings">The options that every node has.</param>
    protected BlockNode(string name, string driverName, NodeSettings settings)
    {
        Name = name;
        DriverName = driverName;
        this.settings = settings;
        Observers = new WriteObservers(this);
        Blockers = new OperationBlockers(this);
    }

    /// <summary>Unique in the graph.</summary>
    public string Name { get; }

    /// <summary>"file", "qcow2", "throttle".</summary>
    public string DriverName { get; }

    /// <summary>When the node got its name, counted by the graph; 0 before that.</summary>
    public long Sequence { get; internal set; }

    /// <summary>The options in force.</summary>
    public NodeSettings Settings
    {
        get => settings;
        internal set
        {
            settings = value;
            SettingsChanged();
        }
    }

    /// <inheritdoc/>
    public string Description => $"node '{Name}'";

    /// <summary>Whether writers are refused.</summary>
    public virtual bool IsReadOnly => Settings.ReadOnly;

    /// <summary>Whether the node shows the disk below it, unchanged or nearly so.</summary>
    public virtual bool IsFilter => false;

    /// <summary>Whether somebody made the node by name, and has to delete it.</summary>
    public bool IsMonitorOwned { get; internal set; }

    /// <summary>The node whose inline options made this one; it takes changes of that one's options over.</summary>
    public BlockNode? InheritsFrom { get; internal set; }

    /// <summary>Whether a job put the node there without being asked for a name; hidden from those who look at devices.</summary>
    public bool IsImplicit { get; init; }

    /// <summary>
    /// Who keeps the overlays of this node as they are while it writes the node, as messages name it; no other overlay may come meanwhile. Null for
    /// nobody.
    /// </summary>
    internal string? OverlayKeeper { get; set; }

    /// <summary>What the users above need and share, as the node was last told.</summary>
    internal (ImagePermissions Needed, ImagePermissions Shared) Applied { get; set; } = (ImagePermissions.None, NodeLink.AllPermissions);

    /// <summary>The options of its driver that the node was made with, without those about its children.</summary>
    internal OptionTree GivenOptions { get; set; } = new();

    /// <summary>Whether the node has left its graph.</summary>
    public bool IsClosed { get; internal set; }

    /// <summary>The links to the nodes below.</summary>
    public IReadOnlyList<NodeLink> Children => children;

    /// <summary>The links from those above.</summary>
    public IReadOnlyList<NodeLink> Parents => parents;

    /// <summary>What is told of writes.</summary>
    public WriteObservers Observers { get; }

    /// <summary>The node's dirty bitmaps.</summary>
    public DirtyBitmapList Bitmaps => Observers.Bitmaps;

    /// <summary>The operations that are refused at this node, and why.</summary>
    public OperationBlockers Blockers { get; }

    /// <summary>The file name at the bottom, or the node's own idea of one; empty for none.</summary>
    public virtual string FileName => Primary?.Node.FileName ?? "";

    /// <summary>The link to the node that holds this one's data first of all: the filtered one, or the file; null at the bottom.</summary>
    public NodeLink? Primary => Find(LinkRole.Filtered) ?? Find(LinkRole.Storage);

    /// <summary>The link to the backing node, null for none.</summary>
    public NodeLink? BackingLink => Find(LinkRole.Backing);

    /// <summary>The node as a file, for a format above it.</summary>
    public virtual BlockFile File => file ??= new NodeFile(this);

    /// <inheritdoc/>
    public sealed override ValueTask WriteAsync(long offset, IoMemory source, WriteFlags flags = WriteFlags.None)
    {
        Observers.NoteEnd(offset + source.Length);
        return Observers.IsIdle && Settings.DetectZeroes == DetectZeroes.Off
            ? WriteCoreAsync(offset, source, flags)
            : WriteObservedAsync(offset, source, flags);
    }

    /// <inheritdoc/>
    public sealed override ValueTask WriteZeroesAsync(long offset, long length, WriteFlags flags = WriteFlags.None)
    {
        if (!Settings.Unmap)
            flags &= ~WriteFlags.MayUnmap;
        Observers.NoteEnd(offset + length);
        return Observers.IsIdle ? WriteZeroesCoreAsync(offset, length, flags) : WriteZeroesObservedAsync(offset, length, flags);
    }

    /// <inheritdoc/>
    public sealed override ValueTask DiscardAsync(long offset, long length)
    {
        if (!Settings.Unmap || length == 0)
            return ValueTask.CompletedTask;
        return Observers.IsIdle ? DiscardCoreAsync(offset, length) : DiscardObservedAsync(offset, length);
    }

    /// <inheritdoc/>
    public sealed override ValueTask WriteCompressedAsync(long offset, IoMemory compressed) =>
        Observers.IsIdle ? WriteCompressedCoreAsync(offset, compressed) : WriteCompressedObservedAsync(offset, compressed);

    /// <summary>Changes the length of the disk; inside a drained section.</summary>
    /// <param name="length">New length in bytes.</param>
    /// <param name="preallocation">How the added part is reserved.</param>
    public abstract ValueTask ResizeAsync(long length, PreallocationMode preallocation);

    /// <summary>Whether requests may wait for a peer that never answers. Backing files do not count.</summary>
    public virtual bool DependsOnPeer => children.Exists(l => l.Role != LinkRole.Backing && l.Node.DependsOnPeer);

    /// <summary>
    /// Whoever waits for requests to this node has given up, for good: what depends on a peer that does not answer fails soon. Backing files go on.
    /// </summary>
    public virtual void CancelInFlight()
    {
        foreach (var link in children)
        {
            if (link.Role != LinkRole.Backing)
                link.Node.CancelInFlight();
        }
    }

    /// <summary>Takes a bitmap out of the node's image, durably; none of that name there is no error.</summary>
    public virtual ValueTask RemoveStoredBitmapAsync(string name) => ValueTask.CompletedTask;

    /// <summary>Refuses a new persistent bitmap that the node's image could not hold.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="granularity">See <see cref="DirtyBitmap.IsGranularity"/>.</param>
    /// <exception cref="BlockException">Why, in QEMU's words.</exception>
    public virtual void DemandBitmapStorable(string name, long granularity) =>
        throw new BlockException(BlockErrorKind.Unsupported, $"Can't store persistent bitmaps to {Name}: Operation not supported");

    /// <summary>To be awaited before a persistent bitmap of the node is changed otherwise than by a write.</summary>
    /// <param name="onlyClears">The change makes chunks clean and nothing else.</param>
    public virtual ValueTask PrepareBitmapChangeAsync(bool onlyClears = false) => ValueTask.CompletedTask;

    /// <summary>What the node may do with a node below it, given what those above do with this one.</summary>
    /// <param name="link">To the node below.</param>
    /// <param name="needed">What all users of this node together do.</param>
    /// <param name="shared">What all of them tolerate.</param>
    public virtual (ImagePermissions Needed, ImagePermissions Shared) PermissionsFor(
        NodeLink link, ImagePermissions needed, ImagePermissions shared) => PermissionRules.ForRole(this, link, needed, shared);

    /// <summary>The link of that name, null for none.</summary>
    public NodeLink? FindChild(string name)
    {
        foreach (var link in children)
        {
            if (link.Name == name)
                return link;
        }

        return null;
    }

    /// <summary>The first link of that role, null for none.</summary>
    public NodeLink? Find(LinkRole role)
    {
        foreach (var link in children)
        {
            if (link.Role == role)
                return link;
        }

        return null;
    }

    /// <summary>Called when the node leaves the graph, before its links go. Metadata is written and flushed here.</summary>
    internal virtual ValueTask CloseAsync() => ValueTask.CompletedTask;

    /// <summary>Called before the node is made read-only; its users are quiet. What waits in memory is written.</summary>
    internal virtual ValueTask BecomeReadOnlyAsync() => FlushAsync();

    /// <summary>Called when one of the links has come, gone, or leads elsewhere; no request is in flight.</summary>
    internal virtual void LinksChanged()
    {
    }

    /// <summary>Called when other options are in force.</summary>
    internal virtual void SettingsChanged()
    {
    }

    /// <summary>Takes what the users above need and share together, as far as the node enforces that outside the process (image locks).</summary>
    internal virtual void ApplyPermissions(ImagePermissions needed, ImagePermissions shared)
    {
    }

    /// <summary>
    /// A drained section begins that waits for requests in this node: none may be kept waiting any more. Nests; <see cref="EndDrain"/> is
    /// called as often.
    /// </summary>
    internal virtual void BeginDrain()
    {
    }

    /// <summary>Takes one <see cref="BeginDrain"/> back.</summary>
    internal virtual void EndDrain()
    {
    }

    /// <summary>The options of the driver that <see cref="PlanReopen"/> can change.</summary>
    internal virtual IReadOnlyCollection<string> ChangeableOptions => [];

    /// <summary>Looks at the options of a reopening.</summary>
    /// <returns>What makes the change, once nothing can fail any more; null for nothing.</returns>
    internal virtual Action? PlanReopen(BlockGraph graph, OptionTree options) => null;

    internal NodeLink AddChild(string name, LinkRole role, BlockNode node)
    {
        var link = new NodeLink(this, name, role, node);
        children.Add(link);
        node.parents.Add(link);
        LinksChanged();
        return link;
    }

    /// <summary>Takes a removed link back.</summary>
    internal void Restore(NodeLink link)
    {
        children.Add(link);
        link.Node.parents.Add(link);
        LinksChanged();
    }

    internal void RemoveChild(NodeLink link)
    {
        children.Remove(link);
        link.Node.parents.Remove(link);
        LinksChanged();
    }

    internal void AddParent(NodeLink link) => parents.Add(link);

    internal void RemoveParent(NodeLink link) => parents.Remove(link);

    /// <summary>As <see cref="GuestDisk.WriteAsync"/>, by the driver.</summary>
    protected abstract ValueTask WriteCoreAsync(long offset, IoMemory source, WriteFlags flags);

    /// <summary>As <see cref="GuestDisk.WriteZeroesAsync"/>, by the driver.</summary>
    protected abstract ValueTask WriteZeroesCoreAsync(long offset, long length, WriteFlags flags);

    /// <summary>As <see cref="GuestDisk.DiscardAsync"/>, by the driver.</summary>
    protected abstract ValueTask DiscardCoreAsync(long offset, long length);

    /// <summary>As <see cref="GuestDisk.WriteCompressedAsync"/>, by the driver.</summary>
    protected abstract ValueTask WriteCompressedCoreAsync(long offset, IoMemory compressed);

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask WriteObservedAsync(long offset, IoMemory source, WriteFlags flags)
    {
        Observers.BeforeWrite(offset, source.Length);
        try
        {
            if (Settings.DetectZeroes != DetectZeroes.Off && ZeroDetector.IsZero(source.Span))
            {
                var unmap = Settings.DetectZeroes == DetectZeroes.Unmap && Settings.Unmap ? WriteFlags.MayUnmap : WriteFlags.None;
                await WriteZeroesCoreAsync(offset, source.Length, flags | unmap);
            }
            else
            {
                await WriteCoreAsync(offset, source, flags);
            }
        }
        finally
        {
            Observers.AfterWrite(offset, source.Length, flags);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask WriteZeroesObservedAsync(long offset, long length, WriteFlags flags)
    {
        Observers.BeforeWrite(offset, length);
        try
        {
            await WriteZeroesCoreAsync(offset, length, flags);
        }
        finally
        {
            Observers.AfterWrite(offset, length, flags);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask DiscardObservedAsync(long offset, long length)
    {
        try
        {
            await DiscardCoreAsync(offset, length);
        }
        finally
        {
            Observers.AfterWrite(offset, length, WriteFlags.None);
        }
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask WriteCompressedObservedAsync(long offset, IoMemory compressed)
    {
        try
        {
            await WriteCompressedCoreAsync(offset, compressed);
        }
        finally
        {
            Observers.AfterWrite(offset, Math.Min(ClusterLength, Length - offset), WriteFlags.None);
        }
    }
}
