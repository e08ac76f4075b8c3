using System.Runtime.CompilerServices;
using BlockUring.Native.Memory;
using BlockUring.Storage;

namespace BlockUring.Images;

/// <summary>
/// What a guest would see: bytes by offset, read through all layers, with the status of every run. An open <see cref="Image"/> is one, and so
/// is every node of the block graph.
/// </summary>
/// <remarks>
/// All members are called on the thread that owns the disk's I/O. Requests are whole or fail with <see cref="BlockException"/>. Buffers belong
/// to the disk until the returned task ends.
/// </remarks>
public abstract class GuestDisk
{
    /// <summary>What the guest sees, in bytes.</summary>
    public abstract long Length { get; }

    /// <summary>Where callers rent buffers.</summary>
    public abstract BufferPool Buffers { get; }

    /// <summary>The unit of allocation in bytes, a power of two; 0 for a disk without one.</summary>
    public virtual int ClusterLength => 0;

    /// <summary>Whether a write to part of a cluster costs as much as one to all of it, or more: writers had better keep clusters whole.</summary>
    public virtual bool RewritesClusters => false;

    /// <summary>The disk that shows through where this one has nothing of its own; null where zeroes do.</summary>
    public virtual GuestDisk? Backing => null;

    /// <summary>
    /// Whether something else may be seen, now or when the disk is opened again, where it has nothing of its own: it has a backing disk, or its
    /// header names one.
    /// </summary>
    public virtual bool MayShowBacking => Backing != null;

    /// <summary>The disk that holds what is seen here: this one, or for a filter the first below it that is none.</summary>
    public virtual GuestDisk Layer => this;

    /// <summary>Reads guest bytes through the whole chain.</summary>
    /// <param name="offset">0 or more; what lies beyond <see cref="Length"/> reads as zeroes.</param>
    /// <param name="destination">Filled whole.</param>
    public abstract ValueTask ReadAsync(long offset, IoMemory destination);

    /// <summary>Writes guest bytes.</summary>
    /// <param name="offset">0 or more; the range ends at or before <see cref="Length"/>.</param>
    /// <param name="source">The bytes.</param>
    /// <param name="flags">What the writer says of them.</param>
    public abstract ValueTask WriteAsync(long offset, IoMemory source, WriteFlags flags = WriteFlags.None);

    /// <summary>Makes a guest range read as zeroes, by metadata where that is possible.</summary>
    /// <param name="offset">0 or more; the range ends at or before <see cref="Length"/>.</param>
    /// <param name="length">Bytes, 0 or more.</param>
    /// <param name="flags">What the writer says of them; <see cref="WriteFlags.MayUnmap"/> allows giving space back.</param>
    public abstract ValueTask WriteZeroesAsync(long offset, long length, WriteFlags flags = WriteFlags.None);

    /// <summary>The guest no longer needs a range: space is given back where that is possible. What it reads as afterwards is not promised.</summary>
    public abstract ValueTask DiscardAsync(long offset, long length);

    /// <summary>Writes one cluster that the caller has compressed; only where <see cref="Layer"/>'s format has compressed clusters.</summary>
    /// <param name="offset">Cluster-aligned guest offset.</param>
    /// <param name="compressed">Fewer bytes than a cluster.</param>
    public abstract ValueTask WriteCompressedAsync(long offset, IoMemory compressed);

    /// <summary>Writes all metadata and makes everything durable.</summary>
    public abstract ValueTask FlushAsync();

    /// <summary>What this layer alone says of the run at <paramref name="offset"/>, as QEMU's block status.</summary>
    /// <param name="offset">0 to <see cref="Length"/> - 1.</param>
    /// <param name="maxLength">1 or more.</param>
    /// <param name="wantZero">Whether to ask the host file about holes: slower, finds more zeroes.</param>
    public abstract ValueTask<BlockStatus> GetLayerStatusAsync(long offset, long maxLength, bool wantZero = true);

    /// <summary>What the chain says of the run at <paramref name="offset"/>: the first layer that holds it, or zeroes.</summary>
    /// <param name="offset">0 to <see cref="Length"/> - 1.</param>
    /// <param name="maxLength">1 or more.</param>
    /// <param name="below">The layer at which to stop (not asked itself); null for the whole chain.</param>
    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    public async ValueTask<BlockStatus> GetStatusAsync(long offset, long maxLength, GuestDisk? below = null)
    {
        maxLength = Math.Min(maxLength, Length - offset);
        var stop = below?.Layer;
        var depth = 0;
        for (var layer = Layer; ; layer = layer.Backing!.Layer)
        {
            var status = await layer.GetLayerStatusAsync(offset, maxLength);
            if (status.IsAllocated || status.IsZero || layer.Backing == null || layer.Backing.Layer == stop)
                return status with { Depth = depth };
            maxLength = status.Length;
            depth++;
        }
    }

    /// <summary>Throws unless a range lies inside the disk: a caller's mistake, not a bad input.</summary>
    protected void DemandInside(long offset, long length)
    {
        if (offset < 0 || length < 0 || offset > Length - length)
            throw new ArgumentOutOfRangeException(nameof(offset), $"{length} bytes at {offset} are not inside a disk of {Length} bytes");
    }
}
