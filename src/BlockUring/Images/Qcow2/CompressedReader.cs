using System.Runtime.CompilerServices;
using BlockUring.Native.Codecs;
using BlockUring.Native.Memory;
using BlockUring.Native.Uring;
using BlockUring.Storage;

namespace BlockUring.Images.Qcow2;

/// <summary>Reads compressed clusters: whole ones straight into the caller's buffer, parts through the last cluster kept unpacked.</summary>
internal sealed class CompressedReader : IDisposable
{
    // Why: the way to a worker and back takes longer than unpacking a few KiB.
    private const int MinOffloadLength = 8192;

    private readonly BlockFile file;
    private readonly Qcow2Geometry geometry;
    private readonly CompressionType compression;
    private readonly Stack<DecompressionJob> idleJobs = new();
    private IoBuffer? kept;
    private int generation;
    private CompressedDescriptor keptDescriptor;

    public CompressedReader(BlockFile file, Qcow2Geometry geometry, CompressionType compression)
    {
        this.file = file;
        this.geometry = geometry;
        this.compression = compression;
    }

    /// <summary>Reads part of the cluster that an L2 entry describes.</summary>
    /// <param name="entry">The L2 entry, as <see cref="MapScan"/> gave it.</param>
    /// <param name="guestOffset">The first guest byte wanted.</param>
    /// <param name="destination">Not beyond the cluster's end.</param>
    /// <exception cref="BlockException">The bytes cannot be read, or are no compressed cluster.</exception>
    public ValueTask ReadAsync(ulong entry, long guestOffset, IoMemory destination)
    {
        var descriptor = CompressedDescriptor.Decode(entry, geometry.ClusterBits);
        var within = (int)geometry.OffsetInCluster(guestOffset);
        if (kept != null && descriptor == keptDescriptor)
        {
            kept.Span.Slice(within, destination.Length).CopyTo(destination.Span);
            return ValueTask.CompletedTask;
        }

        if (descriptor.HostOffset > Qcow2Limits.MaxHostOffset || descriptor.HostOffset >= file.Length)
            throw Damaged(guestOffset, descriptor);
        return destination.Length == geometry.ClusterLength
            ? UnpackAsync(descriptor, guestOffset, destination)
            : ReadPartAsync(descriptor, guestOffset, destination);
    }

    /// <summary>Forgets the cluster kept; to be called when compressed clusters are written or freed.</summary>
    public void Forget()
    {
        generation++;
        Drop();
    }

    public void Dispose()
    {
        Forget();
        while (idleJobs.TryPop(out var job))
            job.Dispose();
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask ReadPartAsync(CompressedDescriptor descriptor, long guestOffset, IoMemory destination)
    {
        var cluster = file.Buffers.Rent(geometry.ClusterLength);
        var asked = generation;
        try
        {
            await UnpackAsync(descriptor, guestOffset, cluster.Memory);
        }
        catch
        {
            cluster.Dispose();
            throw;
        }

        cluster.Span.Slice((int)geometry.OffsetInCluster(guestOffset), destination.Length).CopyTo(destination.Span);
        // Why: what was freed meanwhile must not be taken for what is put there next.
        if (asked != generation)
        {
            cluster.Dispose();
            return;
        }

        Drop();
        (kept, keptDescriptor) = (cluster, descriptor);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder))]
    private async ValueTask UnpackAsync(CompressedDescriptor descriptor, long guestOffset, IoMemory cluster)
    {
        // Why: aligned requests need no bounce buffer below; the rest of the sectors is read anyway.
        var alignment = file.Limits.RequestAlignment;
        var start = descriptor.HostOffset & -(long)alignment;
        var end = (descriptor.HostOffset + descriptor.Length + alignment - 1) & -(long)alignment;
        using var packed = file.Buffers.Rent((int)(end - start));
        await file.ReadAsync(start, packed.Memory);
        if (!await DecompressAsync(packed.Memory.Slice((int)(descriptor.HostOffset - start), descriptor.Length), cluster))
            throw Damaged(guestOffset, descriptor);
    }

    [AsyncMethodBuilder(typeof(PooledTaskBuilder<>))]
    private async ValueTask<bool> DecompressAsync(IoMemory packed, IoMemory cluster)
    {
        if (!idleJobs.TryPop(out var job))
            job = new DecompressionJob(ClusterCodec.Create(compression));
        job.Prepare(packed, cluster);
        if (IoThread.CurrentOrNull is { } thread && cluster.Length >= MinOffloadLength)
            await thread.OffloadAsync(job);
        else
            job.RunHere();
        var isWhole = job.IsWhole;
        idleJobs.Push(job);
        return isWhole;
    }

    private void Drop()
    {
        kept?.Dispose();
        kept = null;
    }

    private BlockException Damaged(long guestOffset, CompressedDescriptor descriptor) => Qcow2Errors.Corrupt(
        file.Path, guestOffset, $"the compressed cluster at guest offset {guestOffset & -(long)geometry.ClusterLength} (host offset {descriptor.HostOffset}) cannot be decompressed");
}
