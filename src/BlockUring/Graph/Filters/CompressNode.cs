using System.Runtime.CompilerServices;
using BlockUring.Copy;
using BlockUring.Images;
using BlockUring.Native.Codecs;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Graph.Filters;

/// <summary>
/// Lets the format below store compressed what is written. A write to part of a cluster reads the rest of it and writes the whole cluster;
/// what does not become shorter is stored as it is.
/// </summary>
/// <param name="name">Unique in the graph.</param>
/// <param name="settings">The options that every node has.</param>
/// <param name="scheduler">The graph's.</param>
/// <param name="type">How the format below compresses.</param>
#pragma warning disable CA1001 // Closing the node disposes of what it owns.
public sealed class CompressNode(string name, NodeSettings settings, Scheduler scheduler, CompressionType type)
    : FilterNode(name, "compress", settings)
#pragma warning restore CA1001
{
    // Clusters of so many bytes are compressed at the same time.
    private const int MaxBatch = 1 << 20;

    private readonly CodecPool codecs = new(type);
    private readonly RangeLock clusters = new();
    private readonly Stack<ClusterCompressor> idle = new();

    /// <inheritdoc/>
    public override bool RewritesClusters => true;

    internal override void LinksChanged()
    {
        base.LinksChanged();
        Forget();
    }

    internal override ValueTask CloseAsync()
    {
        Forget();
        codecs.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    protected override async ValueTask WriteCoreAsync(long offset, IoMemory source, WriteFlags flags)
    {
        if (source.Length == 0)
            return;
        DemandInside(offset, source.Length);
        var held = await HoldAsync(offset, source.Length);
        try
        {
            while (source.Length > 0)
            {
                var length = (int)PieceLength(offset, source.Length, flags);
                await WritePieceAsync(offset, source.Slice(0, length), flags);
                offset += length;
                source = source.Slice(length);
            }
        }
        finally
        {
            clusters.Release(held);
        }
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    protected override async ValueTask WriteZeroesCoreAsync(long offset, long length, WriteFlags flags)
    {
        if (length == 0)
            return;
        DemandInside(offset, length);
        var held = await HoldAsync(offset, length);
        try
        {
            var (start, end) = WholeClusters(offset, offset + length);
            if (start >= end)
            {
                await ZeroPartsAsync(offset, offset + length, flags);
                return;
            }

            await ZeroPartsAsync(offset, start, flags);
            await Filtered.WriteZeroesAsync(start, end - start, flags);
            await ZeroPartsAsync(end, offset + length, flags);
        }
        finally
        {
            clusters.Release(held);
        }
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    protected override async ValueTask DiscardCoreAsync(long offset, long length)
    {
        var held = await HoldAsync(offset, length);
        try
        {
            await Filtered.DiscardAsync(offset, length);
        }
        finally
        {
            clusters.Release(held);
        }
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    protected override async ValueTask WriteCompressedCoreAsync(long offset, IoMemory compressed)
    {
        var held = await HoldAsync(offset, 1);
        try
        {
            await Filtered.WriteCompressedAsync(offset, compressed);
        }
        finally
        {
            clusters.Release(held);
        }
    }

    // Why: between the reading of a cluster and its writing nobody else may write to it.
    private ValueTask<RangeLock.Entry> HoldAsync(long offset, long length)
    {
        long cluster = ClusterLength;
        return clusters.AcquireAsync(offset & -cluster, (offset + length + cluster - 1) & -cluster);
    }

    // Inside the range; the disk's last cluster counts as whole where the range reaches the end of the disk.
    private (long Start, long End) WholeClusters(long offset, long end)
    {
        long cluster = ClusterLength;
        return ((offset + cluster - 1) & -cluster, end == Length ? end : end & -cluster);
    }

    // A part of a cluster, or some whole ones. What is there already anyway is looked at cluster by cluster.
    private long PieceLength(long offset, long length, WriteFlags flags)
    {
        long cluster = ClusterLength;
        var whole = length & -cluster;
        if ((offset & (cluster - 1)) != 0 || whole == 0 || (flags & WriteFlags.Unchanged) != 0)
            return Math.Min(length, cluster - (offset & (cluster - 1)));
        return Math.Min(whole, Math.Max(cluster, MaxBatch));
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask WritePieceAsync(long offset, IoMemory source, WriteFlags flags)
    {
        if ((flags & WriteFlags.Unchanged) != 0 && await IsHeldAsync(offset))
            return;
        if ((offset & (ClusterLength - 1)) == 0 && (source.Length & (ClusterLength - 1)) == 0)
            await CompressAsync(offset, source);
        else
            await RewriteAsync(offset, source.Length, source);
    }

    // Whoever writes what is seen there anyway has read it a while ago: what the layer holds by now stays.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> IsHeldAsync(long offset)
    {
        var start = offset & -(long)ClusterLength;
        return (await Layer.GetLayerStatusAsync(start, ClusterLength, false)).IsAllocated;
    }

    // Whole clusters are not among them.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ZeroPartsAsync(long offset, long end, WriteFlags flags)
    {
        while (offset < end)
        {
            var length = (int)Math.Min(end - offset, ClusterLength - (offset & (ClusterLength - 1)));
            if ((flags & WriteFlags.Unchanged) == 0 || !await IsHeldAsync(offset))
                await RewriteAsync(offset, length, default);
            offset += length;
        }
    }

    // Reads the cluster, changes a part of it (to zeroes where there is no source), and writes it whole. The buffer has room for the whole of
    // the disk's last cluster, which may be short.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask RewriteAsync(long offset, int length, IoMemory source)
    {
        var start = offset & -(long)ClusterLength;
        var whole = (int)Math.Min(ClusterLength, Length - start);
        using var buffer = Buffers.Rent(ClusterLength);
        if (length < whole)
            await Filtered.ReadAsync(start, buffer.Memory.Slice(0, whole));
        var part = buffer.Span.Slice((int)(offset - start), length);
        if (source.Length > 0)
            source.Span.CopyTo(part);
        else
            part.Clear();
        await CompressAsync(start, buffer.Memory.Slice(0, whole));
    }

    // Why zeroes may not be left out: they were written, and must hide whatever is below.
    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask CompressAsync(long offset, IoMemory memory)
    {
        if (!idle.TryPop(out var compressor))
            compressor = new ClusterCompressor(scheduler, Filtered, codecs);
        try
        {
            await compressor.WriteAsync(offset, memory, WriteFlags.None);
        }
        finally
        {
            idle.Push(compressor);
        }
    }

    // No request is in flight.
    private void Forget()
    {
        while (idle.TryPop(out var compressor))
            compressor.Dispose();
    }
}
