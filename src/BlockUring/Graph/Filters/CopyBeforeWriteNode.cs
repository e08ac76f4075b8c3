using System.Runtime.CompilerServices;
using BlockUring.Copy;
using BlockUring.Images;
using BlockUring.Native.Interop;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>
/// Saves to a target what a write is about to overwrite, so that target and disk together hold the content of the instant at which the filter
/// was put in: the live half of a backup, and what a snapshot-access node reads.
/// </summary>
public sealed class CopyBeforeWriteNode : FilterNode
{
    private readonly CopyBeforeWriteOptions options;
    private readonly Scheduler scheduler;
    private readonly Deadlines deadlines;
    private BlockException? broken;
    private Image? overlay;

    /// <summary>Makes a filter; the caller adds the links "file" and "target" to the same nodes.</summary>
    /// <param name="name">Unique in the graph.</param>
    /// <param name="settings">The options that every node has.</param>
    /// <param name="scheduler">The thread of the graph.</param>
    /// <param name="copy">Reads the node below and writes the target; what it is to save is pending in it.</param>
    /// <param name="options">How trouble is dealt with.</param>
    public CopyBeforeWriteNode(string name, NodeSettings settings, Scheduler scheduler, SnapshotCopy copy, CopyBeforeWriteOptions options)
        : base(name, "copy-before-write", settings)
    {
        Copy = copy;
        this.scheduler = scheduler;
        this.options = options;
        deadlines = new Deadlines(scheduler);
    }

    /// <summary>What is saved and what is still to be.</summary>
    public SnapshotCopy Copy { get; }

    /// <summary>Why the snapshot is of no use any more; null while it is sound.</summary>
    public BlockException? Broken => broken;

    /// <summary>Told when <see cref="Broken"/> has come.</summary>
    public Action? SnapshotBroke { get; set; }

    /// <summary>Reads what the disk held at the instant.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    public async ValueTask ReadSnapshotAsync(long offset, IoMemory destination)
    {
        DemandSound();
        await Copy.ReadAsync(offset, destination);

        // Why again: from the moment it broke, writers have waited for nobody.
        DemandSound();
    }

    /// <summary>What a run of the snapshot is.</summary>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<BlockStatus> GetSnapshotStatusAsync(long offset, long maxLength)
    {
        DemandSound();
        var status = await Copy.GetStatusAsync(offset, maxLength);
        DemandSound();
        return status;
    }

    /// <summary>Throws when the snapshot is broken.</summary>
    public void DemandSound()
    {
        if (broken != null)
            throw new BlockException(BlockErrorKind.Access, "The snapshot is broken: " + broken.Message, Errno.EACCES, broken);
    }

    /// <inheritdoc/>
    /// <remarks>Whoever writes past the filter would spoil the snapshot, so nobody may while the filter is in use.</remarks>
    public override (ImagePermissions Needed, ImagePermissions Shared) PermissionsFor(
        NodeLink link, ImagePermissions needed, ImagePermissions shared)
    {
        if (link.Role == LinkRole.Target)
            return (ImagePermissions.Write, NodeLink.AllPermissions & ~ImagePermissions.Resize);
        (needed, shared) = base.PermissionsFor(link, needed, shared);
        return Parents.Count == 0
            ? (needed, shared)
            : (needed | ImagePermissions.ConsistentRead, shared & ~(ImagePermissions.Write | ImagePermissions.Resize));
    }

    /// <inheritdoc/>
    public override ValueTask ResizeAsync(long length, PreallocationMode preallocation) =>
        throw new BlockException(BlockErrorKind.Unsupported, $"Node '{Name}' keeps the content of an instant and cannot change its length");

    /// <summary>From now on a write waits for the reads of the target that may go on below, in what is to be overwritten.</summary>
    internal void TrackReads(Image target)
    {
        overlay = target;
        target.Reads ??= new ReadTracker();
        target.Reads.UserCount++;
    }

    internal override async ValueTask CloseAsync()
    {
        await Copy.WaitUntilSettledAsync();
        Copy.Dispose();
        if (overlay != null && --overlay.Reads!.UserCount == 0)
            overlay.Reads = null;
    }

    /// <inheritdoc/>
    protected override ValueTask WriteCoreAsync(long offset, IoMemory source, WriteFlags flags) =>
        NeedsNoSave(offset, source.Length, flags) ? Filtered.WriteAsync(offset, source, flags) : SaveAndWriteAsync(offset, source, flags);

    /// <inheritdoc/>
    protected override ValueTask WriteZeroesCoreAsync(long offset, long length, WriteFlags flags) =>
        NeedsNoSave(offset, length, flags) ? Filtered.WriteZeroesAsync(offset, length, flags) : SaveAndZeroAsync(offset, length, flags);

    /// <inheritdoc/>
    protected override ValueTask DiscardCoreAsync(long offset, long length) =>
        NeedsNoSave(offset, length, WriteFlags.None) ? Filtered.DiscardAsync(offset, length) : SaveAndDiscardAsync(offset, length);

    /// <inheritdoc/>
    protected override async ValueTask WriteCompressedCoreAsync(long offset, IoMemory compressed)
    {
        var length = Math.Min(ClusterLength, Length - offset);
        if (!NeedsNoSave(offset, length, WriteFlags.None))
            await SaveAsync(offset, length);
        await Filtered.WriteCompressedAsync(offset, compressed);
    }

    private bool NeedsNoSave(long offset, long length, WriteFlags flags) =>
        (flags & WriteFlags.Unchanged) != 0
        || broken != null
        || (Copy.IsSettled(offset, length) && overlay?.Reads!.Overlaps(offset, offset + length) != true);

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask SaveAndWriteAsync(long offset, IoMemory source, WriteFlags flags)
    {
        await SaveAsync(offset, source.Length);
        await Filtered.WriteAsync(offset, source, flags);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask SaveAndZeroAsync(long offset, long length, WriteFlags flags)
    {
        await SaveAsync(offset, length);
        await Filtered.WriteZeroesAsync(offset, length, flags);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask SaveAndDiscardAsync(long offset, long length)
    {
        await SaveAsync(offset, length);
        await Filtered.DiscardAsync(offset, length);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask SaveAsync(long offset, long length)
    {
        try
        {
            if (options.Timeout > TimeSpan.Zero)
                await SaveInTimeAsync(offset, length);
            else
                await Copy.SaveAsync(offset, length);
            if (overlay != null)
                await overlay.Reads!.WaitAsync(offset, offset + length);
        }
        catch (CopyFailureException e)
        {
            if (!options.BreaksSnapshot)
                throw e.Cause;
            Break(e.Cause);
        }
    }

    // The save goes on after its time is up, so that the target is never written twice at once; only the guest stops waiting.
    private async ValueTask SaveInTimeAsync(long offset, long length)
    {
        var arrival = new Arrival();
        deadlines.Add(arrival, options.Timeout);
        scheduler.Detach(FinishAsync(Copy.SaveAsync(offset, length), arrival));
        await arrival;
    }

    private async ValueTask FinishAsync(ValueTask save, Arrival arrival)
    {
        CopyFailureException? failure = null;
        try
        {
            await save;
        }
        catch (CopyFailureException e)
        {
            failure = e;
        }

        if (!deadlines.Remove(arrival))
            return;
        if (failure == null)
            arrival.Succeed();
        else
            arrival.Fail(failure);
    }

    private void Break(BlockException cause)
    {
        if (broken != null)
            return;
        broken = cause;
        SnapshotBroke?.Invoke();
    }
}
