using BlockUring.Graph.Debugging;
using BlockUring.Images;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>Fails requests by rules, and passes on only what its limits allow: for tests of what lies above.</summary>
internal sealed class BlkdebugNode : FilterNode
{
    private const int MaxZeroData = 1 << 20;

    private readonly Scheduler scheduler;
    private readonly DebugRules rules;
    private readonly DebugLimits limits;
    private readonly RangeLock changes = new();
    private BlockFile? file;

    public BlkdebugNode(string name, NodeSettings settings, Scheduler scheduler, DebugRules rules, DebugLimits limits)
        : base(name, "blkdebug", settings)
    {
        this.scheduler = scheduler;
        this.rules = rules;
        this.limits = limits;
    }

    /// <summary>What it needs of the node below besides what those above need.</summary>
    public ImagePermissions Taken { get; init; }

    /// <summary>What it leaves nobody else.</summary>
    public ImagePermissions Unshared { get; init; }

    public override BlockFile File => file ??= new NodeFile(this, new BlockLimits(
        limits.Alignment,
        1,
        limits.MaxTransfer > 0 ? (int)limits.MaxTransfer : 1 << 30,
        (int)limits.ZeroAlignment,
        (int)limits.DiscardAlignment));

    /// <summary>Something has happened for which there may be rules.</summary>
    public void Fire(string name) => rules.Fire(name);

    public override (ImagePermissions Needed, ImagePermissions Shared) PermissionsFor(
        NodeLink link, ImagePermissions needed, ImagePermissions shared)
    {
        (needed, shared) = base.PermissionsFor(link, needed, shared);
        return (needed | Taken, shared & ~Unshared);
    }

    public override async ValueTask ReadAsync(long offset, IoMemory destination)
    {
        while (destination.Length > 0)
        {
            var part = destination.Slice(0, Part(offset, destination.Length));
            if (IsAligned(offset, part.Length))
                await ReadBelowAsync(offset, part);
            else
                await ReadBouncedAsync(offset, part);
            offset += part.Length;
            destination = destination.Slice(part.Length);
        }
    }

    public override async ValueTask FlushAsync()
    {
        await CheckAsync(DebugIoType.Flush, "flush", 0, 0);
        await Filtered.FlushAsync();
    }

    public override async ValueTask<BlockStatus> GetLayerStatusAsync(long offset, long maxLength, bool wantZero = true)
    {
        await CheckAsync(DebugIoType.BlockStatus, "get the status of", offset, maxLength);
        return await Filtered.GetLayerStatusAsync(offset, maxLength, wantZero);
    }

    protected override async ValueTask WriteCoreAsync(long offset, IoMemory source, WriteFlags flags)
    {
        var held = await changes.AcquireAsync(offset & -(long)limits.Alignment, RoundUp(offset + source.Length));
        try
        {
            Fire(DebugEvents.Write);
            while (source.Length > 0)
            {
                var part = source.Slice(0, Part(offset, source.Length));
                if (IsAligned(offset, part.Length))
                    await WriteBelowAsync(offset, part, flags);
                else
                    await WriteBouncedAsync(offset, part, flags);
                offset += part.Length;
                source = source.Slice(part.Length);
            }

            Fire(DebugEvents.WriteDone);
        }
        finally
        {
            changes.Release(held);
        }
    }

    protected override async ValueTask WriteZeroesCoreAsync(long offset, long length, WriteFlags flags)
    {
        var unit = limits.ZeroAlignment;
        while (length > 0)
        {
            var edge = Math.Min(length, (unit - offset % unit) % unit);
            var whole = edge > 0 ? 0 : length - length % unit;
            if (limits.MaxZeroes > 0)
                whole = Math.Min(whole, limits.MaxZeroes);
            var part = whole > 0 ? whole : Math.Min(edge > 0 ? edge : length, MaxZeroData);
            if (whole > 0)
                await ZeroBelowAsync(offset, part, flags);
            else
                await WriteZeroDataAsync(offset, part, flags);
            offset += part;
            length -= part;
        }
    }

    protected override async ValueTask DiscardCoreAsync(long offset, long length)
    {
        var unit = limits.DiscardAlignment;
        var stop = (offset + length) / unit * unit;
        for (offset = (offset + unit - 1) / unit * unit; offset < stop;)
        {
            var part = limits.MaxDiscard > 0 ? Math.Min(stop - offset, limits.MaxDiscard) : stop - offset;
            await CheckAsync(DebugIoType.Discard, "discard", offset, part);
            await Filtered.DiscardAsync(offset, part);
            offset += part;
        }
    }

    protected override async ValueTask WriteCompressedCoreAsync(long offset, IoMemory compressed)
    {
        await CheckAsync(DebugIoType.Write, "write", offset, compressed.Length);
        await Filtered.WriteCompressedAsync(offset, compressed);
    }

    private async ValueTask ReadBelowAsync(long offset, IoMemory destination)
    {
        await CheckAsync(DebugIoType.Read, "read", offset, destination.Length);
        await Filtered.ReadAsync(offset, destination);
    }

    private async ValueTask WriteBelowAsync(long offset, IoMemory source, WriteFlags flags)
    {
        await CheckAsync(DebugIoType.Write, "write", offset, source.Length);
        await Filtered.WriteAsync(offset, source, flags);
    }

    private async ValueTask ZeroBelowAsync(long offset, long length, WriteFlags flags)
    {
        var held = await changes.AcquireAsync(offset, offset + length);
        try
        {
            Fire(DebugEvents.WriteZeroes);
            await CheckAsync(DebugIoType.WriteZeroes, "write zeroes to", offset, length);
            await Filtered.WriteZeroesAsync(offset, length, flags);
            Fire(DebugEvents.WriteDone);
        }
        finally
        {
            changes.Release(held);
        }
    }

    private async ValueTask WriteZeroDataAsync(long offset, long length, WriteFlags flags)
    {
        using var zeroes = Buffers.Rent((int)length);
        zeroes.Span.Clear();
        await WriteCoreAsync(offset, zeroes.Memory.Slice(0, (int)length), flags);
    }

    // A request that starts or ends inside a unit, which goes no further than its last unit: see Part.
    private async ValueTask ReadBouncedAsync(long offset, IoMemory destination)
    {
        var start = offset & -(long)limits.Alignment;
        using var buffer = Buffers.Rent(limits.Alignment);
        var unit = buffer.Memory.Slice(0, UnitLength(start, offset + destination.Length));
        await ReadBelowAsync(start, unit);
        unit.Slice((int)(offset - start), destination.Length).Span.CopyTo(destination.Span);
    }

    private async ValueTask WriteBouncedAsync(long offset, IoMemory source, WriteFlags flags)
    {
        var start = offset & -(long)limits.Alignment;
        using var buffer = Buffers.Rent(limits.Alignment);
        var unit = buffer.Memory.Slice(0, UnitLength(start, offset + source.Length));
        Fire(start < offset ? DebugEvents.ReadHead : DebugEvents.ReadTail);
        await ReadBelowAsync(start, unit);
        source.Span.CopyTo(unit.Slice((int)(offset - start), source.Length).Span);
        await WriteBelowAsync(start, unit, flags);
    }

    private async ValueTask CheckAsync(DebugIoType type, string operation, long offset, long length)
    {
        if (rules.Find(type, offset, length) is not { } rule)
            return;
        if (!rule.Immediately)
            await scheduler.YieldAsync();
        throw BlockException.FromErrno(rule.ErrorNumber, "Could not " + operation, FileName, type == DebugIoType.Flush ? -1 : offset);
    }

    // How much to do at once: what is left of the first unit where the request starts inside one, then whole units, then the rest.
    private int Part(long offset, int length)
    {
        var into = (int)(offset & (limits.Alignment - 1));
        if (into > 0)
            return Math.Min(length, limits.Alignment - into);
        if (length < limits.Alignment)
            return length;
        var whole = length & -limits.Alignment;
        return limits.MaxTransfer > 0 ? (int)Math.Min(whole, limits.MaxTransfer) : whole;
    }

    private bool IsAligned(long offset, long length) => ((offset | length) & (limits.Alignment - 1)) == 0;

    private long RoundUp(long offset) => (offset + limits.Alignment - 1) & -(long)limits.Alignment;

    // Why not always all of it: what lies behind the end of the disk is not to be written.
    private int UnitLength(long start, long stop) => (int)Math.Min(limits.Alignment, Math.Max(Length, stop) - start);
}
